"""Each fault of an event has its code, and a reason that says what is expected."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.data_pipeline.extracted_rows import extracted_events, raw

from contracts.events import DEFAULT_WEIGHTS
from data_pipeline.domain.deliveries import Checked, Rejected
from data_pipeline.domain.events import EVENT_SCHEMA
from data_pipeline.domain.records import EventRecord
from data_pipeline.domain.validation_rules import STANDARD_RULES
from data_pipeline.transform.events import check_events

NOW_MS = 1_750_000_000_000
VALID: dict[str, Any] = {
    "event_id": "e",
    "user_id": "u",
    "item_id": "i",
    "event_type": "rating",
    "timestamp": "2024-05-01T12:00:00+02:00",
    "value": 4.5,
}


def checked(records: Sequence[Any], faults: Sequence[Rejected] = ()) -> Checked[pa.RecordBatch]:
    event_types = {*DEFAULT_WEIGHTS, "add-to-cart"}
    return check_events(extracted_events(records, faults), STANDARD_RULES, NOW_MS, event_types)


def kept(records: Sequence[Any]) -> list[EventRecord]:
    batch = checked(records).valid
    assert batch.schema == EVENT_SCHEMA
    columns = [
        column.cast(pa.int64()) if name == "timestamp" else column
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return [EventRecord(*row) for row in zip(*(c.to_pylist() for c in columns), strict=True)]


def changed(**changes: Any) -> dict[str, Any]:
    return {**VALID, **changes}


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in VALID.items() if name != field}


def test_a_valid_event_is_kept_as_it_is() -> None:
    assert kept([VALID]) == [EventRecord("e", "u", "i", "rating", 1_714_557_600_000, 4.5, None)]
    assert (checked([VALID]).received, checked([VALID]).rejected) == (1, [])


def test_a_rating_of_zero_is_a_rating() -> None:
    [event] = kept([changed(value=0)])
    assert event.value == 0


def test_a_declared_type_and_a_recommendation_are_kept() -> None:
    [event] = kept([changed(event_type="add-to-cart", recommendation_id="r/1")])
    assert (event.event_type, event.recommendation_id) == ("add-to-cart", "r/1")


@pytest.mark.parametrize(
    ("timestamp", "milliseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2024-05-01T12:00:00.1239Z", 1_714_564_800_123),
        (1_714_564_800, 1_714_564_800_000),
        (1_714_564_800.5, 1_714_564_800_500),
    ],
)
def test_timestamps_become_whole_milliseconds(timestamp, milliseconds) -> None:
    [event] = kept([changed(timestamp=timestamp)])
    assert event.timestamp_ms == milliseconds


@pytest.mark.parametrize(
    ("record", "code", "words"),
    [
        *[(record, "not_an_object", "JSON object") for record in (5, "x", None, [], [VALID])],
        *[
            (without(field), "missing_field", f"{field} is missing; it must be")
            for field in VALID
            if field != "value"
        ],
        (changed(colour="red"), "unexpected_field", "'colour' is no field of an event"),
        (changed(**{"a" * 10_000: 1}), "unexpected_field", "aaa...' is no field"),
        (changed(**{"\ud800": 1}), "unexpected_field", "is no field of an event"),
        (changed(user_id=5), "invalid_type", "user_id must be a string"),
        (changed(item_id=None), "invalid_type", "item_id must be a string"),
        (changed(event_type=7), "invalid_type", "event_type must be the name of a type"),
        (changed(value="much"), "invalid_type", "value must be a number"),
        (changed(value=[1]), "invalid_type", "value must be a number"),
        (changed(event_id=""), "invalid_identifier", "event_id must be a string of 1 to 256"),
        (changed(user_id="u" * 257), "invalid_identifier", "user_id must be a string of 1"),
        (changed(user_id="a\x00b"), "invalid_identifier", "without control characters"),
        (changed(item_id="a\nb"), "invalid_identifier", "without control characters"),
        (changed(item_id="tab\t"), "invalid_identifier", "without control characters"),
        (changed(user_id="\ud800"), "invalid_identifier", "user_id must be a string"),
        (changed(event_type="stare"), "unknown_event_type", "one of view, click, like"),
        (changed(event_type="stare"), "unknown_event_type", "PUT /event-types/stare"),
        (changed(event_type="Not a name"), "unknown_event_type", "the name of a type"),
        (changed(recommendation_id=""), "invalid_identifier", "recommendation_id must be"),
        (changed(timestamp="yesterday"), "invalid_timestamp", "RFC 3339"),
        (changed(timestamp="2024-05-01T12:00:00"), "invalid_timestamp", "offset"),
        (changed(timestamp="2024-05-01"), "invalid_timestamp", "RFC 3339"),
        (changed(timestamp=None), "invalid_timestamp", "RFC 3339"),
        (changed(timestamp=10**400), "invalid_timestamp", "RFC 3339"),
        (changed(timestamp=float("inf")), "invalid_timestamp", "RFC 3339"),
        (changed(timestamp="2099-01-01T00:00:00Z"), "timestamp_in_future", "5 minutes"),
        (changed(value=2e9), "invalid_value", "from -1e9 to 1e9"),
        (changed(value=float("inf")), "invalid_value", "from -1e9 to 1e9"),
        (changed(value=None), "missing_value", "value is missing"),
        (without("value"), "missing_value", "value is missing"),
    ],
    ids=lambda value: str(value)[:40].encode("ascii", "replace").decode(),
)
def test_a_fault_has_its_code_and_reason(record, code, words) -> None:
    parted = checked([VALID, record])
    assert (parted.received, parted.valid.num_rows) == (2, 1)
    [rejection] = parted.rejected
    assert (rejection.index, rejection.code, rejection.raw) == (1, code, raw(1))
    assert words in rejection.reason
    assert rejection.reason.endswith(".")
    assert len(rejection.reason) < 300
    rejection.named().model_dump_json()


def test_the_future_begins_five_minutes_from_now() -> None:
    last = NOW_MS / 1000 + 300
    parted = checked([changed(timestamp=last), changed(timestamp=last + 0.001)])
    assert (parted.valid.num_rows, [one.index for one in parted.rejected]) == (1, [1])


def test_what_came_in_another_valid_form_is_loaded_in_its_place() -> None:
    odd = {**VALID, "event_id": b"odd", "timestamp": "1714557600"}
    records = [changed(event_id="1"), odd, changed(event_id="2"), {**odd, "user_id": b""}]
    assert [event.event_id for event in kept(records)] == ["1", "odd", "2"]
    assert len({event.timestamp_ms for event in kept(records)}) == 1
    assert [one.index for one in checked(records).rejected] == [3]


def test_what_could_not_be_read_is_among_the_rejected_in_order() -> None:
    fault = Rejected(1, "invalid_json", "The line is not JSON.", b"{")
    parted = checked([changed(event_id=""), None, VALID, 5], [fault])
    assert (parted.received, parted.valid.num_rows) == (4, 1)
    assert [(one.index, one.code) for one in parted.rejected] == [
        (0, "invalid_identifier"),
        (1, "invalid_json"),
        (3, "not_an_object"),
    ]
    assert parted.rejected[1] == fault


def test_nothing_at_all_is_nothing() -> None:
    parted = checked([])
    assert (parted.received, parted.valid.schema, parted.valid.num_rows) == (0, EVENT_SCHEMA, 0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(json_values | st.dictionaries(st.sampled_from([*VALID]), json_values)))
def test_whatever_comes_is_kept_or_rejected(records) -> None:
    parted = checked(records)
    assert parted.valid.num_rows + len(parted.rejected) == parted.received == len(records)
    assert all(rejection.reason for rejection in parted.rejected)
