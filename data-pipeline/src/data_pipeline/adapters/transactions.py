"""Transactions that several stores of one database can share."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_shared: Final[ContextVar[tuple[str, AsyncConnection] | None]] = ContextVar(
    "shared_transaction", default=None
)
_after: Final[WeakKeyDictionary[AsyncConnection, list[Callable[[], None]]]] = WeakKeyDictionary()


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    """The shared transaction on the engine's database where there is one, else one of its own."""
    shared = _shared.get()
    if shared is not None and shared[0] == str(engine.url):
        yield shared[1]
        return
    async with _begun(engine) as connection:
        yield connection


@asynccontextmanager
async def shared_transaction(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    """A transaction that every `transaction` of this task within the block takes part in.

    Start no task inside: it would go on with a connection that is no longer its own.
    """
    async with _begun(engine) as connection:
        token = _shared.set((str(engine.url), connection))
        try:
            yield connection
        finally:
            _shared.reset(token)


def on_commit(connection: AsyncConnection, call: Callable[[], None]) -> None:
    """Call this once the transaction is committed; never where that failed or is not known."""
    _after[connection].append(call)


@asynccontextmanager
async def _begun(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    calls: list[Callable[[], None]] = []
    async with engine.begin() as connection:
        _after[connection] = calls
        yield connection
    for call in calls:
        call()
