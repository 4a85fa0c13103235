"""The content of items, attributes of users and weights of event types."""

from collections.abc import Mapping

import orjson

from backends.ports import AttributeValue, ItemContent


def encode_item(item: ItemContent) -> bytes:
    """The content of an item; empty for one that was removed."""
    if item.removed:
        return b""
    return orjson.dumps(
        [item.title, item.categories, item.year, item.attributes, item.location, item.available]
    )


def decode_item(sequence: int, item_id: str, content: bytes) -> ItemContent:
    """The item that `encode_item` encoded."""
    if not content:
        return ItemContent(sequence, item_id, None, (), None, available=False, removed=True)
    title, categories, year, attributes, location, available = orjson.loads(content)
    return ItemContent(
        sequence,
        item_id,
        title,
        tuple(categories),
        year,
        attributes,
        (location[0], location[1]) if location else None,
        available,
    )


def encode_mapping(values: Mapping[str, AttributeValue]) -> bytes:
    """Attributes or weights; nothing is empty."""
    return orjson.dumps(dict(values), option=orjson.OPT_SORT_KEYS) if values else b""
