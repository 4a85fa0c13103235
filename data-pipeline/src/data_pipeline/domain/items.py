"""Items between what callers send, what is kept, and what they get back."""

from typing import Any

from contracts.attributes import Location
from contracts.items import ItemChanges, ItemContent, StoredItem
from data_pipeline.domain.merge_patch import patched_attributes
from data_pipeline.domain.moments import moment
from data_pipeline.domain.records import ItemRecord, Versioned


def item_record(item_id: str, content: ItemContent) -> ItemRecord:
    """A valid item as it is kept."""
    place = content.location
    return ItemRecord(
        item_id,
        content.title,
        tuple(content.categories),
        content.year,
        content.attributes,
        (place.latitude, place.longitude) if place else None,
        content.available,
    )


def patched_item(item: ItemRecord, changes: ItemChanges) -> ItemRecord:
    """The item after a merge patch; what is null takes its default.

    Raises:
        InvalidChange: it would have too many attributes.
    """
    defaults = item_record(item.item_id, ItemContent())._asdict()
    replaced: dict[str, Any] = {}
    for name in changes.model_fields_set - {"attributes"}:
        value = getattr(changes, name)
        replaced[name] = defaults[name] if value is None else value
    if isinstance(replaced.get("location"), Location):
        replaced["location"] = (replaced["location"].latitude, replaced["location"].longitude)
    if "categories" in replaced:
        replaced["categories"] = tuple(replaced["categories"])
    if "attributes" in changes.model_fields_set:
        replaced["attributes"] = patched_attributes(item.attributes, changes.attributes)
    return item._replace(**replaced)


def stored_item(item: Versioned[ItemRecord]) -> StoredItem:
    """An item as callers get it."""
    record = item.record
    place = record.location
    return StoredItem(
        item_id=record.item_id,
        title=record.title,
        categories=list(record.categories),
        year=record.year,
        attributes=dict(record.attributes),
        location=Location(latitude=place[0], longitude=place[1]) if place else None,
        available=record.available,
        version=item.version,
        updated_at=moment(item.updated_at_ms),
    )
