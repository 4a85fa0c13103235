"""Validates items one by one."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from contracts.events import RejectedRecord
from contracts.items import Item
from data_pipeline.domain.items import item_record
from data_pipeline.domain.records import Checked, ItemRecord
from data_pipeline.transform.rejections import ATTRIBUTES, RecordKind

_ADAPTER: Final = TypeAdapter(Item)
_KIND: Final = RecordKind(
    "an item",
    {
        "item_id": "a string of 1 to 256 characters without control characters",
        "title": "a string of at most 500 characters without null bytes, or null",
        "categories": (
            "a list of at most 50 strings of 1 to 100 characters without control characters"
        ),
        "year": "a whole number from -10000 to 10000, or null",
        "attributes": ATTRIBUTES,
        "location": "an object with a latitude from -90 to 90 and a longitude from -180 to 180",
        "available": "true or false",
    },
)


def check_items(records: Sequence[Any]) -> Checked[ItemRecord]:
    """Part a batch into valid items and rejections."""
    valid: list[ItemRecord] = []
    rejected: list[RejectedRecord] = []
    for index, record in enumerate(records):
        try:
            item = _ADAPTER.validate_python(record)
        except ValidationError as error:
            rejected.append(_KIND.rejection(index, error))
        else:
            valid.append(item_record(item.item_id, item))
    return Checked(valid, rejected)
