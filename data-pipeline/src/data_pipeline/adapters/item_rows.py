"""Items as rows of their table, and back."""

from typing import Any

from backends.upserts import insert
from data_pipeline.adapters.tables import items
from data_pipeline.domain.records import ItemRecord

ITEM_COUNTER = "items"
"""The counter that orders the changes of items."""

_INSERT = insert(items)
REPLACE_ITEM = _INSERT.on_conflict_do_update(
    index_elements=["tenant_id", "item_id"],
    set_={c.name: _INSERT.excluded[c.name] for c in items.c if not c.primary_key},
)
"""Inserts a row of `item_row` or `removed_row`, or replaces the one that is there."""


def item_row(tenant_id: str, item: ItemRecord, sequence: int, updated_at_ms: int) -> dict[str, Any]:
    """The row of an item."""
    latitude, longitude = item.location or (None, None)
    return {
        "tenant_id": tenant_id,
        "item_id": item.item_id,
        "sequence": sequence,
        "title": item.title,
        "categories": item.categories,
        "year": item.year,
        "attributes": item.attributes,
        "latitude": latitude,
        "longitude": longitude,
        "available": item.available,
        "removed": False,
        "updated_at_ms": updated_at_ms,
    }


def removed_row(tenant_id: str, item_id: str, sequence: int, updated_at_ms: int) -> dict[str, Any]:
    """The row that stays of an item that was removed, so that whoever follows learns of it."""
    empty = ItemRecord(item_id, None, (), None, {}, None, available=False)
    return {**item_row(tenant_id, empty, sequence, updated_at_ms), "removed": True}


def item_record(row: Any) -> ItemRecord:
    """The item of a row."""
    return ItemRecord(
        row.item_id,
        row.title,
        tuple(row.categories),
        row.year,
        row.attributes,
        None if row.latitude is None else (row.latitude, row.longitude),
        row.available,
    )
