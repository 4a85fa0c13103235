"""CatalogueLog in a relational database."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.availability import available
from backends.database import reading
from backends.ports import ItemContent
from data_pipeline.adapters.tables import counters, items
from data_pipeline.domain.records import ItemRecord, LogPage, Stored

_WHAT = "catalogue"
_COUNTER = "items"
_CONTENT = (items.c.item_id, items.c.title, items.c.categories, items.c.year)
_INSERT = insert(items)
_REPLACE = _INSERT.on_conflict_do_update(
    index_elements=["tenant_id", "item_id"],
    set_={name: _INSERT.excluded[name] for name in ("sequence", "title", "categories", "year")},
)


class SqlCatalogueLog:
    """A row per item; each change moves it to the end of the order.

    The sequences come from a row of `counters`, which stays locked until the commit: so they
    become visible in their order on any engine.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def store(self, tenant_id: str, items: Sequence[ItemRecord]) -> Stored:
        """Create or replace items in one transaction."""
        if not items:
            return Stored(0, 0, 0)
        with available(_WHAT):
            async with self._engine.begin() as connection:
                # First, since it takes the lock under which the items are compared.
                end = await _take_sequences(connection, len(items))
                known = await _known(connection, tenant_id, [item.item_id for item in items])
                changed, accepted = _changes(known, items)
                if changed:
                    start = end - len(changed) + 1
                    rows = [
                        {**item._asdict(), "tenant_id": tenant_id, "sequence": sequence}
                        for sequence, item in enumerate(changed, start)
                    ]
                    await connection.execute(_REPLACE, rows)
        return Stored(accepted, len(items) - accepted, end if changed else 0)

    async def read_after(self, sequence: int, limit: int) -> LogPage[ItemContent]:
        """The next changed items of all tenants."""
        query = sa.select(items.c.tenant_id, items.c.sequence, *_CONTENT)
        query = query.where(items.c.sequence > sequence).order_by(items.c.sequence).limit(limit)
        with available(_WHAT):
            async with reading(self._engine).begin() as connection:
                rows = (await connection.execute(query)).all()
        records = [(row.tenant_id, ItemContent(row.sequence, *_record(row[2:]))) for row in rows]
        return LogPage(records, rows[-1].sequence if rows else sequence)

    async def items_of(self, tenant_id: str, chunk: int) -> AsyncGenerator[Sequence[ItemRecord]]:
        """A tenant's items at one moment, by id."""
        query = sa.select(*_CONTENT).where(items.c.tenant_id == tenant_id)
        query = query.order_by(items.c.item_id)
        with available(_WHAT):
            async with reading(self._engine).begin() as connection:
                rows = await connection.stream(query, execution_options={"yield_per": chunk})
                async for partition in rows.partitions():
                    yield [_record(row) for row in partition]

    async def ping(self) -> None:
        """Read nothing from the catalogue."""
        with available(_WHAT):
            async with reading(self._engine).begin() as connection:
                await connection.execute(sa.select(items.c.sequence).limit(0))

    async def close(self) -> None:
        """Close the connections."""
        await self._engine.dispose()


async def _take_sequences(connection: AsyncConnection, count: int) -> int:
    """Reserve `count` sequences; the last of them."""
    taken = counters.update().where(counters.c.name == _COUNTER)
    taken = taken.values(value=counters.c.value + count).returning(counters.c.value)
    return (await connection.execute(taken)).scalar_one()


async def _known(
    connection: AsyncConnection, tenant_id: str, item_ids: Sequence[str]
) -> dict[str, ItemRecord]:
    query = sa.select(*_CONTENT).where(
        items.c.tenant_id == tenant_id, items.c.item_id.in_(set(item_ids))
    )
    rows = await connection.execute(query)
    return {row.item_id: _record(row) for row in rows}


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


def _record(row: Iterable[Any]) -> ItemRecord:
    item_id, title, categories, year = row
    return ItemRecord(item_id, title, tuple(categories), year)
