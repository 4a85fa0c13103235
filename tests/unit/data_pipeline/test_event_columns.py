"""The check of columns accepts exactly what the check of single records accepts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.validation_rules import AllowedRange, EventRules, EventTypeRules, RuleSet
from data_pipeline.domain.events import EVENT_SCHEMA
from data_pipeline.domain.extracted import ExtractedEvents
from data_pipeline.domain.moments import moment
from data_pipeline.domain.records import EventRecord
from data_pipeline.domain.validation_rules import STANDARD_RULES, VersionedRules
from data_pipeline.transform.event_columns import identifiers, sound_rows
from data_pipeline.transform.event_records import EventTerms, checked_event
from data_pipeline.transform.events import check_events, item_ids

NOW_MS = 1_750_000_000_000
DAY_MS = 86_400_000
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999
TYPES = {"view", "rating", "purchase", "own-type"}

sound_ids = st.sampled_from(["i1", "i2", "é", "名" * 256, "a" * 256])
ids = sound_ids | st.sampled_from(
    ["", "a" * 257, "名" * 257, "😀" * 200, "a\nb", "\x00", "\x7f", "a\x1f", "\x80", " ", None]
)
texts = st.none() | ids | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
types = st.sampled_from([*TYPES, "view", "stare", "Not a name", "", None])
moments = st.sampled_from(
    [
        *(NOW_MS + 300_000 + n for n in (-1, 0, 1)),
        *(NOW_MS + 60_000 + n for n in (-1, 0, 1)),
        *(NOW_MS - 30 * DAY_MS + n for n in (-1, 0, 1)),
        *(FIRST_MS + n for n in (-1, 0, 1)),
        *(LAST_MS + n for n in (0, 1)),
        -(2**63) + 1,
        2**63 - 1,
        0,
        None,
    ]
) | st.integers(NOW_MS - 40 * DAY_MS, NOW_MS)
numbers = (
    st.none()
    | st.sampled_from([0.0, 1.0, 5.0, 5.000001, 1e9, -1e9, 1e9 + 1, np.inf, -np.inf, np.nan])
    | st.floats(-10, 10)
)
EDGES = (texts, ids, ids, types, moments, numbers, texts)
sound = st.tuples(
    sound_ids,
    sound_ids,
    sound_ids,
    st.sampled_from(sorted(TYPES)),
    st.integers(NOW_MS - 29 * DAY_MS, NOW_MS),
    st.floats(1, 5),
    sound_ids,
)
edges = st.integers(0, len(EDGES) - 1).flatmap(lambda n: st.tuples(st.just(n), EDGES[n]))
rows = st.builds(
    lambda row, changes: tuple(dict(changes).get(n, field) for n, field in enumerate(row)),
    sound,
    st.lists(edges, max_size=2),
)
ranges = st.sampled_from(
    [None, AllowedRange(min=1, max=5), AllowedRange(min=1), AllowedRange(max=5)]
)
rules = st.builds(
    EventRules,
    types=st.dictionaries(
        st.sampled_from(sorted(TYPES)),
        st.builds(
            EventTypeRules,
            required=st.lists(st.sampled_from(["value", "recommendation_id"]), max_size=2),
            value=ranges,
        ),
    ),
    max_seconds_ahead=st.sampled_from([0, 60, 300]),
    max_age_days=st.sampled_from([None, 30, 36_500]),
    unknown_items=st.sampled_from(["accept", "reject"]),
)


def extracted(events: Sequence[tuple[Any, ...]], unfit: Sequence[int] = ()) -> ExtractedEvents:
    schema = pa.schema([field.with_nullable(True) for field in EVENT_SCHEMA])
    columns = list(zip(*events, strict=True)) or [[]] * len(schema)
    # Behind a row that is not asked for, as a slice of something larger has one.
    padding = ("p", "p", "p", "view", 0, 1.0, "p")
    arrays = [
        pa.array([extra, *column], field.type)[1:]
        for extra, column, field in zip(padding, columns, schema, strict=True)
    ]
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    return ExtractedEvents(
        len(events),
        batch,
        np.array(sorted(unfit), np.int64),
        (),
        lambda index: record(events[index]),
        lambda index: b"raw",
    )


def record(row: tuple[Any, ...]) -> dict[str, Any]:
    """A row as a reader of files shows it; a moment that has no date as it is."""
    shown = dict(zip(EVENT_SCHEMA.names, row, strict=True))
    at = shown["timestamp"]
    if at is not None:
        shown["timestamp"] = moment(at) if FIRST_MS <= at <= LAST_MS else "no moment"
    return shown


@settings(max_examples=80)
@given(st.lists(rows, max_size=12), rules, st.sets(ids.filter(bool)), st.data())
def test_columns_and_records_are_checked_alike(events, of_events, known, data) -> None:
    asked = VersionedRules(3, RuleSet(events=of_events), 0)
    terms = EventTerms(asked, NOW_MS, TYPES, known)
    one_by_one = [checked_event(record(row), terms) for row in events]
    accepted = [isinstance(one, EventRecord) for one in one_by_one]
    assert sound_rows(extracted(events).events, terms).tolist() == accepted

    unfit = data.draw(st.sets(st.integers(0, len(events) - 1)) if events else st.just(set()))
    checked = check_events(extracted(events, sorted(unfit)), asked, NOW_MS, TYPES, known)
    assert checked.received == len(events)
    assert checked.valid.schema == EVENT_SCHEMA
    columns = checked.valid.set_column(4, "timestamp", checked.valid.column(4).cast(pa.int64()))
    assert [tuple(row.values()) for row in columns.to_pylist()] == [
        one for one in one_by_one if isinstance(one, EventRecord)
    ]
    assert [(one.index, one.code, one.reason, one.raw) for one in checked.rejected] == [
        (index, one.code, one.reason, b"raw")
        for index, one in enumerate(one_by_one)
        if not isinstance(one, EventRecord)
    ]


@given(st.lists(texts))
def test_identifiers_are_told_wherever_a_column_begins(names) -> None:
    def fits(name: str | None) -> bool:
        plain = name is not None and not any(c < " " or c == "\x7f" for c in name)
        return plain and 1 <= len(name) <= 256

    column = pa.array(names, pa.string())
    for start in range(len(names)):
        found = identifiers(column[start:])
        told = [(n, f) for n, f in zip(names[start:], found, strict=True) if n is not None]
        assert told == [(n, fits(n)) for n, _ in told]


def test_the_items_of_events_are_those_with_an_id() -> None:
    ids = ["a", "b", "a", "", "\x00", None, "c"]
    events = [("e", "u", name, "view", NOW_MS, None, None) for name in ids]
    columns = extracted(events, unfit=[6])
    assert item_ids(columns) == {"a", "b", "c"}
    odd: list[Any] = [{"item_id": "x"}, {"item_id": "\ud800"}, {"item_id": 5}, {}, "text", None]
    unfit = ExtractedEvents(
        len(odd),
        extracted([(None,) * 7] * len(odd)).events,
        np.arange(len(odd)),
        (),
        odd.__getitem__,
        lambda index: b"raw",
    )
    assert item_ids(unfit) == {"x"}


def test_sound_rows_are_handed_on_without_a_copy() -> None:
    columns = extracted([("e", "u", "i", "view", NOW_MS, 1.0, None)] * 3)
    valid = check_events(columns, STANDARD_RULES, NOW_MS, TYPES).valid
    for before, after in zip(columns.events.columns, valid.columns, strict=True):
        assert before.buffers()[1].address == after.buffers()[1].address


@pytest.mark.slow
def test_sound_rows_are_checked_by_the_million() -> None:
    names = pa.array([f"name-{n}" for n in range(1_000_000)])
    kinds = pa.array(["view", "rating"]).take(pa.array(np.arange(len(names)) % 2))
    columns = [names, names, names, kinds]
    columns += [pa.array(np.full(len(names), NOW_MS), EVENT_SCHEMA.field("timestamp").type)]
    columns += [pa.array(np.ones(len(names))), pa.nulls(len(names), pa.string())]
    batch = pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA)

    def unasked(index: int) -> Any:
        raise AssertionError(f"row {index} is sound and need not be looked at")

    whole = ExtractedEvents(len(names), batch, np.array([], np.int64), (), unasked, unasked)
    assert check_events(whole, STANDARD_RULES, NOW_MS, TYPES).valid.num_rows == len(names)
