"""UpkeepClaims in a relational database."""

import sqlalchemy as sa

from backends.availability import available
from backends.sql_store import SqlStore
from data_pipeline.adapters.tables import upkeep
from data_pipeline.domain.upkeep import UPKEEP, UpkeepClaim

_THIS = upkeep.c.name == UPKEEP


class SqlUpkeepClaims(SqlStore):
    """One row, made by the migration; each change of the claim counts `renewals` up."""

    what = "account of the upkeep"
    table = upkeep

    async def look(self) -> UpkeepClaim:
        """Read the row."""
        with available(self.what):
            async with self._reading.begin() as connection:
                query = sa.select(upkeep.c.holder, upkeep.c.renewals).where(_THIS)
                row = (await connection.execute(query)).one()
        return UpkeepClaim(row.holder, row.renewals)

    async def claim(self, seen: UpkeepClaim, holder: str) -> bool:
        """Hold it where the row is as it was seen."""
        return await self._write(holder, upkeep.c.renewals == seen.renewals)

    async def renew(self, holder: str) -> bool:
        """Count the renewals up where it is held."""
        return await self._write(holder, upkeep.c.holder == holder)

    async def release(self, holder: str) -> None:
        """Leave no holder where it is held."""
        await self._write(None, upkeep.c.holder == holder)

    async def _write(self, holder: str | None, where: sa.ColumnElement[bool]) -> bool:
        values = {"holder": holder, "renewals": upkeep.c.renewals + 1}
        update = upkeep.update().where(_THIS, where).values(values)
        with available(self.what):
            async with self._engine.begin() as connection:
                return (await connection.execute(update)).rowcount == 1
