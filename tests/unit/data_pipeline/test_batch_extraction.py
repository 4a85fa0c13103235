"""Batches and messages become columns of events, or records, row for row."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.imports import DataType
from data_pipeline.domain.errors import InvalidBatch, InvalidJson
from data_pipeline.domain.events import EVENT_SCHEMA
from data_pipeline.domain.extracted import ExtractedEvents, ExtractedRecords
from data_pipeline.extract.batches import extract_envelope, extract_lines
from data_pipeline.extract.conversions import moment_ms
from data_pipeline.extract.faults import MAX_ROW_BYTES
from data_pipeline.extract.messages import extract_messages

SOUND = {
    "event_id": "e",
    "user_id": "u",
    "item_id": "i",
    "event_type": "view",
    "timestamp": "2024-01-01T00:00:00.5Z",
    "value": 2,
    "recommendation_id": None,
}
SOUND_ROW = {**SOUND, "timestamp": 1_704_067_200_500, "value": 2.0}


def envelope(*records: Any) -> ExtractedEvents:
    body = json.dumps({"events": records}).encode()
    extracted = extract_envelope(DataType.EVENTS, body)
    assert isinstance(extracted, ExtractedEvents)
    assert extracted.rows == extracted.events.num_rows == len(records)
    assert [extracted.record(row) for row in range(len(records))] == list(records)
    return extracted


def rows_of(extracted: ExtractedEvents) -> list[dict[str, Any]]:
    columns = {
        name: extracted.events.column(name).cast("int64" if name == "timestamp" else array.type)
        for name, array in zip(EVENT_SCHEMA.names, extracted.events.columns, strict=True)
    }
    return [{name: c[row].as_py() for name, c in columns.items()} for row in range(extracted.rows)]


def test_sound_records_are_rows_and_none_is_unfit() -> None:
    seconds = {**SOUND, "timestamp": 1_704_067_200.5, "value": 1.25}
    extracted = envelope(SOUND, seconds, {"event_id": "e2"})
    assert rows_of(extracted) == [
        SOUND_ROW,
        {**SOUND_ROW, "value": 1.25},
        {**dict.fromkeys(EVENT_SCHEMA.names), "event_id": "e2"},
    ]
    assert [field.type for field in extracted.events.schema] == [f.type for f in EVENT_SCHEMA]
    assert extracted.unfit.tolist() == []
    assert extracted.faults == ()


@pytest.mark.parametrize(
    "other",
    [
        None,
        7,
        "text",
        [SOUND],
        {**SOUND, "event_id": 7},
        {**SOUND, "event_id": None},
        {**SOUND, "user_id": ["u"]},
        {**SOUND, "user_id": "\ud800"},
        {**SOUND, "timestamp": None},
        {**SOUND, "timestamp": True},
        {**SOUND, "timestamp": "yesterday"},
        {**SOUND, "timestamp": 1e30},
        {**SOUND, "value": "2"},
        {**SOUND, "value": True},
        {**SOUND, "value": 10**400},
        {**SOUND, "recommendation_id": 7},
        {**SOUND, "colour": "red"},
        {**SOUND, "\ud800": 1},
    ],
    ids=repr,
)
def test_a_record_that_does_not_fit_is_named_and_spoils_no_other(other) -> None:
    extracted = envelope(SOUND, other, {**SOUND, "timestamp": 1_704_067_200.5})
    assert extracted.unfit.tolist() == [1]
    assert [rows_of(extracted)[row] for row in (0, 2)] == [SOUND_ROW, SOUND_ROW]
    assert json.loads(extracted.raw(1)) == other


def test_an_infinite_number_is_unfit() -> None:
    body = orjson.dumps({"events": [SOUND, SOUND]}).replace(b'"value":2', b'"value":1e999', 1)
    extracted = extract_envelope(DataType.EVENTS, body)
    assert isinstance(extracted, ExtractedEvents)
    assert extracted.unfit.tolist() == [0]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=5),
    st.just([]),
)


@settings(max_examples=200)
@given(
    st.lists(st.dictionaries(st.sampled_from([*EVENT_SCHEMA.names, "other"]), VALUES), min_size=1)
)
@example([{"value": 2**53 + 1}, {"value": None}])
@example([{"timestamp": 20_000_000_001}])
def test_a_row_is_unfit_where_a_field_of_it_is(records) -> None:
    def fits(name: str, value: Any) -> bool:
        if name == "value":
            return value is None or type(value) in (int, float)
        if name == "timestamp":
            return value is not None and moment_ms(value) is not None
        return type(value) is str or (value is None and name == "recommendation_id")

    names = set(EVENT_SCHEMA.names)
    extracted = envelope(*records)
    assert extracted.unfit.tolist() == [
        row
        for row, record in enumerate(records)
        if not record.keys() <= names or not all(fits(*field) for field in record.items())
    ]
    for found, record in zip(rows_of(extracted), records, strict=True):
        for name, value in record.items():
            if name == "timestamp" and value is not None:
                assert found[name] == moment_ms(value)
            elif name in names and fits(name, value):
                assert found[name] == (
                    float(value) if name == "value" and value is not None else value
                )


@pytest.mark.parametrize("data_type", DataType)
def test_a_body_that_is_no_batch_is_refused(data_type) -> None:
    for body in (b"", b"{", b'{"events": [NaN]}', b"\xff", b"[" * 100_000):
        with pytest.raises(InvalidJson):
            extract_envelope(data_type, body)
    for content in ([], {}, {data_type: []}, {data_type: {}}, {data_type: [{}] * 10_001}):
        with pytest.raises(InvalidBatch):
            extract_envelope(data_type, json.dumps(content).encode())


def test_items_stay_records() -> None:
    extracted = extract_envelope(DataType.ITEMS, b'{"items": [{"item_id": "i"}, 7]}')
    assert isinstance(extracted, ExtractedRecords)
    assert list(extracted.records) == [{"item_id": "i"}, 7]
    assert list(extracted.indexes) == [0, 1]
    assert extracted.raw(0) == b'{"item_id":"i"}'


def test_a_bad_line_is_a_fault_of_its_row() -> None:
    long = json.dumps({"event_id": "x" * MAX_ROW_BYTES}).encode()
    sound = orjson.dumps(SOUND)
    lines = [sound, b'{"a"', b"", b'{"event_id": "\xff"}', b" \r", long, b"\xef\xbb\xbf{}", b"7"]
    extracted = extract_lines(DataType.EVENTS, b"\r\n".join([*lines, sound, b""]))
    assert isinstance(extracted, ExtractedEvents)
    assert extracted.rows == 7
    assert [(one.index, one.code) for one in extracted.faults] == [
        (1, "invalid_json"),
        (2, "invalid_utf8"),
        (3, "row_too_long"),
        (4, "byte_order_mark"),
    ]
    assert [one.raw for one in extracted.faults[:2]] == [lines[1], lines[3]]
    assert extracted.unfit.tolist() == [5]
    assert [rows_of(extracted)[row] for row in (0, 6)] == [SOUND_ROW] * 2
    assert extracted.raw(6) == sound
    assert extracted.record(6) == SOUND


def test_lines_are_a_batch_of_1_to_10_000() -> None:
    assert extract_lines(DataType.EVENTS, b"{}\n" * 10_000).rows == 10_000
    for body in (b"", b"\n \r\n", b"{}\n" * 10_001):
        with pytest.raises(InvalidBatch, match="1 to 10000"):
            extract_lines(DataType.EVENTS, body)


def test_lines_of_items_leave_out_the_faults() -> None:
    extracted = extract_lines(DataType.ITEMS, b'{"item_id":"a"}\n{\n{"item_id":"b"}')
    assert isinstance(extracted, ExtractedRecords)
    assert list(extracted.records) == [{"item_id": "a"}, {"item_id": "b"}]
    assert list(extracted.indexes) == [0, 2]
    assert [one.index for one in extracted.faults] == [1]


def test_messages_are_read_by_their_values() -> None:
    sound = orjson.dumps(SOUND, option=orjson.OPT_INDENT_2)
    extracted = extract_messages(DataType.EVENTS, [sound, None, b"\x00\x01", sound])
    assert isinstance(extracted, ExtractedEvents)
    assert [(one.index, one.code) for one in extracted.faults] == [
        (1, "invalid_json"),
        (2, "invalid_json"),
    ]
    assert extracted.raw(3) == sound
    assert [rows_of(extracted)[row] for row in (0, 3)] == [SOUND_ROW] * 2


def test_no_messages_are_no_rows() -> None:
    extracted = extract_messages(DataType.EVENTS, [])
    assert isinstance(extracted, ExtractedEvents)
    assert extracted.events.num_rows == 0


FRAGMENTS = st.sampled_from(
    [
        '{"event_id":"a"}',
        "{",
        "}",
        ",",
        "[",
        "]",
        '"',
        ",{}",
        '"x"',
        ":",
        "{}",
        "7",
        '{"a":[{}',
        " ",
    ]
)


@settings(max_examples=500)
@given(st.lists(st.lists(FRAGMENTS, max_size=4).map("".join), max_size=6))
@example(['{"a":1', '"b":2}'])
@example(["1,2", '{"a":[{}', "{}]}"])
@example(['{"a":1},{"b":2}', '[{"c":3}', "{}]"])
def test_messages_together_hold_what_each_holds_by_itself(values) -> None:
    extracted = extract_messages(DataType.ITEMS, [value.encode() for value in values])
    assert isinstance(extracted, ExtractedRecords)
    expected = {}
    for row, value in enumerate(values):
        try:
            expected[row] = json.loads(value)
        except ValueError:
            continue
    assert dict(zip(extracted.indexes, extracted.records, strict=True)) == expected
    assert {one.index for one in extracted.faults} == set(range(len(values))) - set(expected)
