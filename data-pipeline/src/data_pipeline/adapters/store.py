"""What the stores in a relational database share."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.availability import available
from backends.database import close_engine, reading
from data_pipeline.adapters.tables import counters, merged_ids


class SqlStore:
    """A store that keeps its records in `table`; `what` it is, for messages."""

    what: str
    table: sa.Table

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def ping(self) -> None:
        """Read nothing from the table."""
        with available(self.what):
            async with reading(self._engine).begin() as connection:
                await connection.execute(sa.select(self.table).limit(0))

    async def close(self) -> None:
        """Close the connections."""
        await close_engine(self._engine)


async def take_sequences(connection: AsyncConnection, counter: str, count: int) -> int:
    """Reserve `count` sequences; the last of them.

    The counter's row stays locked until the commit: so sequences become visible in their order
    on any engine, and what was read after this call is not changed by others meanwhile.
    """
    taken = counters.update().where(counters.c.name == counter)
    taken = taken.values(value=counters.c.value + count).returning(counters.c.value)
    return (await connection.execute(taken)).scalar_one()


async def resolved(connection: AsyncConnection, tenant_id: str, user_id: str) -> str:
    """The user whose name this id is: itself, where it was not merged."""
    query = sa.select(merged_ids.c.user_id).where(
        merged_ids.c.tenant_id == tenant_id, merged_ids.c.merged_id == user_id
    )
    return (await connection.execute(query)).scalar_one_or_none() or user_id
