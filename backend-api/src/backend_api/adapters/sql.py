"""Transactions, and times as the tables keep them."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.ports import PortUnavailable

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@contextmanager
def translated() -> Generator[None]:
    """Turn what the driver says of an unusable database into `PortUnavailable`."""
    try:
        yield
    except IntegrityError:
        raise
    except (SQLAlchemyError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise PortUnavailable(f"the database cannot be used: {reason}") from error


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    """One transaction, committed where the block ends well.

    Raises:
        IntegrityError: a constraint speaks against it.
        PortUnavailable: the database cannot be used.
    """
    with translated():
        async with engine.begin() as connection:
            yield connection


def to_milliseconds(moment: datetime) -> int:
    """Unix milliseconds of an aware datetime."""
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    """Unix milliseconds as a datetime in UTC."""
    return _EPOCH + milliseconds * _MILLISECOND
