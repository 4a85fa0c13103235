"""Transactions, and times as the tables keep them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.availability import available

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    """One transaction, committed where the block ends well.

    Raises:
        IntegrityError: a constraint speaks against it.
        PortUnavailable: the database cannot be used.
    """
    with available("database"):
        async with engine.begin() as connection:
            yield connection


def to_milliseconds(moment: datetime) -> int:
    """Unix milliseconds of an aware datetime."""
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    """Unix milliseconds as a datetime in UTC."""
    return _EPOCH + milliseconds * _MILLISECOND
