"""EventTypeStore in a relational database."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.availability import available
from backends.sql_store import SqlStore
from contracts.events import DEFAULT_WEIGHTS
from data_pipeline.adapters.marks import (
    MarkKind,
    last_mark,
    mark,
    mark_items_of,
    mark_users_of,
)
from data_pipeline.adapters.tables import event_types, events
from data_pipeline.adapters.transactions import transaction

_INSERT = insert(event_types)
_REPLACE = _INSERT.on_conflict_do_update(
    index_elements=["tenant_id", "event_type"], set_={"weight": _INSERT.excluded.weight}
)


class SqlEventTypeStore(SqlStore):
    """A row per weight that a tenant gave."""

    what = "event types"
    table = event_types

    async def weights(self, tenant_id: str) -> Mapping[str, float]:
        """The weights that differ from the standard."""
        with available(self.what):
            async with self._reading.begin() as connection:
                return await _weights(connection, tenant_id)

    async def set(self, tenant_id: str, event_type: str, weight: float | None) -> int:
        """Give a type a weight; mark what its events touch where they come to count or cease to."""
        standard = DEFAULT_WEIGHTS.get(event_type, 0.0)
        with available(self.what):
            async with transaction(self._engine) as connection:
                before = (await _weights(connection, tenant_id)).get(event_type, standard)
                await _replace(connection, tenant_id, event_type, weight)
                await mark(connection, tenant_id, MarkKind.WEIGHTS, [event_type])
                if (before > 0) != ((standard if weight is None else weight) > 0):
                    of_type = events.c.event_type == event_type
                    await mark_users_of(connection, tenant_id, of_type)
                    await mark_items_of(connection, tenant_id, of_type)
                return await last_mark(connection)


async def _weights(connection: AsyncConnection, tenant_id: str) -> dict[str, float]:
    query = sa.select(event_types.c.event_type, event_types.c.weight)
    rows = await connection.execute(query.where(event_types.c.tenant_id == tenant_id))
    return {row.event_type: row.weight for row in rows}


async def _replace(
    connection: AsyncConnection, tenant_id: str, event_type: str, weight: float | None
) -> None:
    if weight is None:
        await connection.execute(
            event_types.delete().where(
                event_types.c.tenant_id == tenant_id, event_types.c.event_type == event_type
            )
        )
        return
    row = {"tenant_id": tenant_id, "event_type": event_type, "weight": weight}
    await connection.execute(_REPLACE, row)
