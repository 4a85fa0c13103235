"""Each fault of an item has its code, and a reason that says what is expected."""

from typing import Any

import pytest

from data_pipeline.domain.records import ItemRecord
from data_pipeline.transform.items import check_items

VALID: dict[str, Any] = {
    "item_id": "i",
    "title": "Alien",
    "categories": ["Horror", "Science Fiction"],
    "year": 1979,
}


def test_a_valid_item_is_kept_as_it_is() -> None:
    checked = check_items([VALID, {"item_id": "bare"}])
    assert checked.valid == [
        ItemRecord("i", "Alien", ("Horror", "Science Fiction"), 1979),
        ItemRecord("bare", None, (), None),
    ]


@pytest.mark.parametrize(
    ("record", "code", "words"),
    [
        ("x", "not_an_object", "the fields of an item: item_id, title, categories, year"),
        ({}, "missing_field", "item_id is missing"),
        ({**VALID, "price": 1}, "unexpected_field", "'price' is no field of an item"),
        ({**VALID, "item_id": "\x00"}, "invalid_identifier", "item_id must be"),
        ({**VALID, "title": 5}, "invalid_type", "title must be a string"),
        ({**VALID, "title": "t" * 501}, "invalid_value", "at most 500 characters"),
        ({**VALID, "title": "nul\x00"}, "invalid_value", "without null bytes"),
        ({**VALID, "title": "\ud800"}, "invalid_value", "title must be a string"),
        ({**VALID, "categories": "Horror"}, "invalid_type", "categories must be a list"),
        ({**VALID, "categories": [5]}, "invalid_type", "categories must be a list"),
        ({**VALID, "categories": [""]}, "invalid_value", "categories must be a list"),
        ({**VALID, "categories": ["c"] * 51}, "invalid_value", "at most 50 strings"),
        ({**VALID, "year": "old"}, "invalid_type", "year must be a whole number"),
        ({**VALID, "year": 1979.5}, "invalid_type", "year must be a whole number"),
        ({**VALID, "year": 10_001}, "invalid_value", "from -10000 to 10000"),
    ],
    ids=lambda value: str(value)[:40].encode("ascii", "replace").decode(),
)
def test_a_fault_has_its_code_and_reason(record, code, words) -> None:
    checked = check_items([record, VALID])
    assert len(checked.valid) == 1
    [rejection] = checked.rejected
    assert (rejection.index, rejection.code) == (0, code)
    assert words in rejection.reason
