"""Turns of those who read and then write, where the database does not give them by itself."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection


async def take_turn(connection: AsyncConnection, what: str) -> None:
    """Be the only one in a transaction that asked for this turn, until the transaction ends.

    What was committed before is seen afterwards. SQLite lets one transaction write at a time, so
    there every writer has the turn already.
    """
    if connection.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock(func.hashtextextended(what, 0))
        await connection.execute(select(lock))
