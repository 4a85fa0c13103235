"""ItemStore in a relational database: the rows of the catalogue log, one by one."""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.availability import available
from backends.sql_store import SqlStore
from data_pipeline.adapters.item_rows import (
    ITEM_COUNTER,
    REPLACE_ITEM,
    item_record,
    item_row,
    removed_row,
)
from data_pipeline.adapters.store import take_sequences
from data_pipeline.adapters.tables import items
from data_pipeline.adapters.transactions import transaction
from data_pipeline.domain.records import Change, ItemRecord, Versioned


class SqlItemStore(SqlStore):
    """A removed item leaves an empty row, which is as good as none here."""

    what = "catalogue"
    table = items

    async def find(self, tenant_id: str, item_id: str) -> Versioned[ItemRecord] | None:
        """An item by its id."""
        with available(self.what):
            async with self._reading.begin() as connection:
                return await _find(connection, tenant_id, item_id)

    async def page(
        self, tenant_id: str, after: str | None, limit: int
    ) -> Sequence[Versioned[ItemRecord]]:
        """Items by id."""
        query = items.select().where(items.c.tenant_id == tenant_id, ~items.c.removed)
        if after is not None:
            query = query.where(items.c.item_id > after)
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = await connection.execute(query.order_by(items.c.item_id).limit(limit))
                return [_versioned(row) for row in rows]

    async def change(
        self,
        tenant_id: str,
        item_id: str,
        change: Callable[[Versioned[ItemRecord] | None], ItemRecord | None],
        updated_at_ms: int,
    ) -> Change[ItemRecord] | int:
        """Replace or remove an item; one that stays as it is keeps its version."""
        with available(self.what):
            async with transaction(self._engine) as connection:
                # First, since it takes the lock under which the item is read.
                sequence = await take_sequences(connection, ITEM_COUNTER, 1)
                before = await _find(connection, tenant_id, item_id)
                after = change(before)
                if before is not None and after == before.record:
                    return Change(before, created=False)
                if after is None:
                    row = removed_row(tenant_id, item_id, sequence, updated_at_ms)
                else:
                    row = item_row(tenant_id, after, sequence, updated_at_ms)
                await connection.execute(REPLACE_ITEM, row)
        if after is None:
            return sequence
        return Change(Versioned(after, sequence, updated_at_ms), created=before is None)


async def _find(
    connection: AsyncConnection, tenant_id: str, item_id: str
) -> Versioned[ItemRecord] | None:
    query = items.select().where(
        items.c.tenant_id == tenant_id, items.c.item_id == item_id, ~items.c.removed
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _versioned(row)


def _versioned(row: sa.Row[Any]) -> Versioned[ItemRecord]:
    return Versioned(item_record(row), row.sequence, row.updated_at_ms)
