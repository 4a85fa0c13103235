"""CatalogueLog in a relational database."""

from collections.abc import AsyncGenerator, Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.availability import available
from backends.ports import ItemContent
from backends.sql_store import SqlStore
from data_pipeline.adapters.item_rows import (
    ITEM_COUNTER,
    REPLACE_ITEM,
    item_record,
    item_row,
)
from data_pipeline.adapters.store import take_sequences
from data_pipeline.adapters.tables import items
from data_pipeline.adapters.transactions import transaction
from data_pipeline.domain.records import ItemRecord, LogPage, Stored, TrainingItem

_IDS_AT_ONCE = 10_000
_TRAINING = (items.c.item_id, items.c.title, items.c.categories, items.c.year)


class SqlCatalogueLog(SqlStore):
    """A row per item; each change moves it to the end of the order.

    The sequences come from a row of `counters`, which stays locked until the commit: so they
    become visible in their order on any engine.
    """

    what = "catalogue"
    table = items

    async def store(
        self, tenant_id: str, items: Sequence[ItemRecord], updated_at_ms: int
    ) -> Stored:
        """Create or replace items in one transaction."""
        if not items:
            return Stored(0, 0, 0)
        with available(self.what):
            async with transaction(self._engine) as connection:
                # First, since it takes the lock under which the items are compared.
                end = await take_sequences(connection, ITEM_COUNTER, len(items))
                known = await _known(connection, tenant_id, [item.item_id for item in items])
                changed, accepted = _changes(known, items)
                if changed:
                    start = end - len(changed) + 1
                    rows = [
                        item_row(tenant_id, item, sequence, updated_at_ms)
                        for sequence, item in enumerate(changed, start)
                    ]
                    await connection.execute(REPLACE_ITEM, rows)
        return Stored(accepted, len(items) - accepted, end if changed else 0)

    async def read_after(self, sequence: int, limit: int) -> LogPage[ItemContent]:
        """The next changed items of all tenants."""
        query = items.select()
        query = query.where(items.c.sequence > sequence).order_by(items.c.sequence).limit(limit)
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = (await connection.execute(query)).all()
        records = [(row.tenant_id, _content(row)) for row in rows]
        return LogPage(records, rows[-1].sequence if rows else sequence, len(rows) == limit)

    async def items_of(self, tenant_id: str, chunk: int) -> AsyncGenerator[Sequence[TrainingItem]]:
        """A tenant's items at one moment, by id."""
        query = sa.select(*_TRAINING).where(items.c.tenant_id == tenant_id, ~items.c.removed)
        query = query.order_by(items.c.item_id)
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = await connection.stream(query, execution_options={"yield_per": chunk})
                async for partition in rows.partitions():
                    yield partition

    async def existing(self, tenant_id: str, item_ids: Collection[str]) -> set[str]:
        """Those of the ids that items have."""
        wanted, found = list(item_ids), set[str]()
        query = sa.select(items.c.item_id).where(items.c.tenant_id == tenant_id, ~items.c.removed)
        with available(self.what):
            async with self._reading.begin() as connection:
                for start in range(0, len(wanted), _IDS_AT_ONCE):
                    some = wanted[start : start + _IDS_AT_ONCE]
                    found.update(await connection.scalars(query.where(items.c.item_id.in_(some))))
        return found


async def _known(
    connection: AsyncConnection, tenant_id: str, item_ids: Sequence[str]
) -> dict[str, ItemRecord]:
    query = items.select().where(
        items.c.tenant_id == tenant_id, items.c.item_id.in_(set(item_ids)), ~items.c.removed
    )
    rows = await connection.execute(query)
    return {row.item_id: item_record(row) for row in rows}


def _changes(
    known: dict[str, ItemRecord], items: Sequence[ItemRecord]
) -> tuple[list[ItemRecord], int]:
    """The last state of each item that changes, and how many records changed something."""
    changed: dict[str, ItemRecord] = {}
    accepted = 0
    for item in items:
        if (changed.get(item.item_id) or known.get(item.item_id)) == item:
            continue
        changed[item.item_id] = item
        accepted += 1
    return list(changed.values()), accepted


def _content(row: Any) -> ItemContent:
    if row.removed:
        return ItemContent(row.sequence, row.item_id, None, (), None, available=False, removed=True)
    return ItemContent(row.sequence, *item_record(row))
