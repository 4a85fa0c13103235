"""What the stores in a relational database share."""

from sqlalchemy import Table, literal, select
from sqlalchemy.ext.asyncio import AsyncEngine

from backends.availability import available
from backends.database import close_engine, reading


class SqlStore:
    """A store that keeps its records in `table`; `what` it is, for messages."""

    what: str = "database"
    table: Table

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = reading(engine)

    async def ping(self) -> None:
        """Read a row. Raises `PortUnavailable`."""
        with available(self.what):
            async with self._reading.begin() as connection:
                await connection.execute(select(literal(1)).select_from(self.table).limit(1))

    async def close(self) -> None:
        """Close the connections."""
        await close_engine(self._engine)
