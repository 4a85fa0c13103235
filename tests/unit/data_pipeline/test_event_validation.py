"""Each fault of an event has its code, and a reason that says what is expected."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import DEFAULT_WEIGHTS
from data_pipeline.domain.records import Checked, EventRecord
from data_pipeline.transform import events
from data_pipeline.transform.events import MAX_AHEAD_MS

NOW_MS = 1_750_000_000_000
VALID: dict[str, Any] = {
    "event_id": "e",
    "user_id": "u",
    "item_id": "i",
    "event_type": "rating",
    "timestamp": "2024-05-01T12:00:00+02:00",
    "value": 4.5,
}


def check_events(records: Sequence[Any], now_ms: int) -> Checked[EventRecord]:
    return events.check_events(records, now_ms, {*DEFAULT_WEIGHTS, "add-to-cart"})


def changed(**changes: Any) -> dict[str, Any]:
    return {**VALID, **changes}


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in VALID.items() if name != field}


def test_a_valid_event_is_kept_as_it_is() -> None:
    checked = check_events([VALID], NOW_MS)
    assert checked.valid == [EventRecord("e", "u", "i", "rating", 1_714_557_600_000, 4.5, None)]
    assert checked.rejected == []


def test_a_rating_of_zero_is_a_rating() -> None:
    [event] = check_events([changed(value=0)], NOW_MS).valid
    assert event.value == 0


def test_a_declared_type_and_a_recommendation_are_kept() -> None:
    [event] = check_events(
        [changed(event_type="add-to-cart", recommendation_id="r/1")], NOW_MS
    ).valid
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
    [event] = check_events([changed(timestamp=timestamp)], NOW_MS).valid
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
    checked = check_events([VALID, record], NOW_MS)
    assert len(checked.valid) == 1
    [rejection] = checked.rejected
    assert (rejection.index, rejection.code) == (1, code)
    assert words in rejection.reason
    assert rejection.reason.endswith(".")
    assert len(rejection.reason) < 300
    rejection.model_dump_json()


def test_the_future_begins_five_minutes_from_now() -> None:
    last = (NOW_MS + MAX_AHEAD_MS) / 1000
    checked = check_events([changed(timestamp=last), changed(timestamp=last + 0.001)], NOW_MS)
    assert (len(checked.valid), len(checked.rejected)) == (1, 1)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(json_values | st.dictionaries(st.sampled_from([*VALID]), json_values)))
def test_whatever_comes_is_kept_or_rejected(records) -> None:
    checked = check_events(records, NOW_MS)
    assert len(checked.valid) + len(checked.rejected) == len(records)
    assert all(rejection.reason for rejection in checked.rejected)
