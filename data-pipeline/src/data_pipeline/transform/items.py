"""Validates items one by one."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from contracts.items import Item
from data_pipeline.domain.deliveries import Checked
from data_pipeline.domain.extracted import ExtractedRecords
from data_pipeline.domain.items import item_record
from data_pipeline.domain.records import ItemRecord
from data_pipeline.domain.validation_rules import VersionedRules
from data_pipeline.transform.one_by_one import check_one_by_one
from data_pipeline.transform.rejections import ATTRIBUTES, Fault, RecordKind
from data_pipeline.transform.rules import item_fault

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


def check_items(
    extracted: ExtractedRecords, rules: VersionedRules
) -> Checked[Sequence[ItemRecord]]:
    """Part items into valid ones and rejected ones."""
    return check_one_by_one(extracted, lambda record: _checked(record, rules))


def _checked(record: Any, rules: VersionedRules) -> ItemRecord | Fault:
    try:
        item = _ADAPTER.validate_python(record)
    except ValidationError as error:
        return _KIND.fault(error)
    kept = item_record(item.item_id, item)
    return item_fault(kept, rules) or kept
