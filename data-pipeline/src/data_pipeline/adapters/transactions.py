"""Transactions that several stores of one database can share."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_shared: Final[ContextVar[tuple[str, AsyncConnection] | None]] = ContextVar(
    "shared_transaction", default=None
)


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    """The shared transaction on the engine's database where there is one, else one of its own."""
    shared = _shared.get()
    if shared is not None and shared[0] == str(engine.url):
        yield shared[1]
        return
    async with engine.begin() as connection:
        yield connection


@asynccontextmanager
async def shared_transaction(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    """A transaction that every `transaction` of this task within the block takes part in.

    Start no task inside: it would go on with a connection that is no longer its own.
    """
    async with engine.begin() as connection:
        token = _shared.set((str(engine.url), connection))
        try:
            yield connection
        finally:
            _shared.reset(token)
