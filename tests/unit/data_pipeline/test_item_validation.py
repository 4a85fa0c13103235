"""Each fault of an item has its code, and a reason that says what is expected."""

from typing import Any

import pytest
from tests.unit.data_pipeline.extracted_rows import extracted_records, raw

from data_pipeline.domain.deliveries import Rejected
from data_pipeline.domain.records import ItemRecord
from data_pipeline.domain.validation_rules import STANDARD_RULES
from data_pipeline.transform.items import check_items

VALID: dict[str, Any] = {
    "item_id": "i",
    "title": "Alien",
    "categories": ["Horror", "Science Fiction"],
    "year": 1979,
    "attributes": {"price": 9.5, "tags": ["a"], "new": True},
    "location": {"latitude": 52.5, "longitude": 13},
    "available": False,
}


def test_a_valid_item_is_kept_as_it_is() -> None:
    checked = check_items(extracted_records([VALID, {"item_id": "bare"}]), STANDARD_RULES)
    assert checked.valid == [
        ItemRecord(
            "i",
            "Alien",
            ("Horror", "Science Fiction"),
            1979,
            {"price": 9.5, "tags": ["a"], "new": True},
            (52.5, 13.0),
            False,
        ),
        ItemRecord("bare", None, (), None, {}, None, True),
    ]


@pytest.mark.parametrize(
    ("record", "code", "words"),
    [
        (
            "x",
            "not_an_object",
            "the fields of an item: item_id, title, categories, year, attributes",
        ),
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
        ({**VALID, "attributes": []}, "invalid_type", "attributes must be an object"),
        ({**VALID, "attributes": {"a b": 1}}, "invalid_value", "attributes must be an object"),
        ({**VALID, "attributes": {"a": {}}}, "invalid_value", "attributes must be an object"),
        ({**VALID, "attributes": {"a": 1e400}}, "invalid_value", "attributes must be an object"),
        ({**VALID, "attributes": {f"a{n}": 1 for n in range(51)}}, "invalid_value", "at most 50"),
        ({**VALID, "location": 5}, "invalid_type", "location must be an object"),
        ({**VALID, "location": {"latitude": 5}}, "invalid_value", "location must be an object"),
        ({**VALID, "location": {"latitude": 91, "longitude": 0}}, "invalid_value", "-90 to 90"),
        ({**VALID, "available": "yes"}, "invalid_type", "available must be true or false"),
    ],
    ids=lambda value: str(value)[:40].encode("ascii", "replace").decode(),
)
def test_a_fault_has_its_code_and_reason(record, code, words) -> None:
    checked = check_items(extracted_records([record, VALID]), STANDARD_RULES)
    assert (checked.received, len(checked.valid)) == (2, 1)
    [rejection] = checked.rejected
    assert (rejection.index, rejection.code, rejection.raw) == (0, code, raw(0))
    assert words in rejection.reason


def test_what_could_not_be_read_is_among_the_rejected_in_order() -> None:
    fault = Rejected(1, "invalid_json", "The line is not JSON.", b"{")
    checked = check_items(extracted_records(["x", None, VALID, 5], [fault]), STANDARD_RULES)
    assert (checked.received, len(checked.valid)) == (4, 1)
    assert [one.index for one in checked.rejected] == [0, 1, 3]
    assert checked.rejected[1] == fault
