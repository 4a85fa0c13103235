"""Rows read together as columns are what they are one by one."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_pipeline.extract import sound_json
from data_pipeline.extract.json_columns import event_columns
from data_pipeline.extract.json_rows import parse
from data_pipeline.extract.sound_json import sound_envelope, sound_events

SOUND = {
    "event_id": "e",
    "user_id": "u",
    "item_id": "i",
    "event_type": "view",
    "timestamp": "2024-01-01T00:00:00.5Z",
}

VALUES = {
    "event_id": st.sampled_from(["e", "é\U0001f600", "\x00\x7f", '"\\/', 5, None, {}]),
    "user_id": st.text(max_size=3),
    "timestamp": st.sampled_from(
        ["2024-01-01T00:00:00Z", "2024-01-01T01:02:03.123456+02:00", "yesterday", 5, None]
    ),
    "value": st.sampled_from([1, 1.5, -0.0, 1e300, 10**30, None, "1", True, []]),
    "recommendation_id": st.sampled_from(["r", None, 1]),
    "another": st.none(),
}
FIELDS = st.fixed_dictionaries({}, optional=VALUES)


@pytest.fixture(autouse=True)
def none_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_json, "FEW", 0)


def enveloped(rows: list[bytes]) -> bytes:
    return b'{"events":[' + b",".join(rows) + b"]}"


def dumped(fields: dict[str, Any]) -> bytes:
    return json.dumps({**SOUND, **fields}, ensure_ascii=len(fields) % 2 == 0).encode()


@settings(max_examples=300)
@given(st.lists(FIELDS, min_size=1, max_size=3))
@example([{}])
@example([{"value": 3, "event_id": "é", "recommendation_id": "r"}, {"value": None}])
def test_columns_are_those_of_the_records(records: list[dict[str, Any]]) -> None:
    rows = [dumped(fields) for fields in records]
    batch, unfit = event_columns([parse(row) for row in rows])
    for together in (sound_events(rows), sound_envelope(enveloped(rows))):
        if together is None:
            # Nothing is lost: such rows are read one by one.
            assert any(records)
        else:
            assert not len(unfit)
            assert together.equals(batch)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([dumped({})[:-1], b',"value":2}'], id="an object in two rows"),
        pytest.param([dumped({}) + dumped({}), b"{}"], id="two objects in a row"),
        pytest.param([dumped({}) + b"\n" + dumped({}), b" "], id="two objects, and none"),
        pytest.param([dumped({}) + b" ", dumped({})], id="a space behind"),
        pytest.param([dumped({}), b'{"event_id":"}', b'{"}'], id="a text over two rows"),
        pytest.param([dumped({}).replace(b'"u"', b'"\xff"')], id="no UTF-8"),
        pytest.param([dumped({}).replace(b'"u"', b'"\\udc00"')], id="half a surrogate pair"),
        pytest.param([dumped({}).replace(b'"u"', b'"\\ud800"')], id="the other half"),
        pytest.param([dumped({"value": 1}).replace(b": 1", b": NaN")], id="no number"),
        pytest.param([dumped({"value": 1}).replace(b": 1", b": 1e400")], id="beyond numbers"),
        pytest.param([dumped({})[:-1] + b',"user_id":"v"}'], id="a field twice"),
        pytest.param([dumped({"user_id": None})], id="null where there must be one"),
        pytest.param([b"\xef\xbb\xbf" + dumped({})], id="a byte order mark"),
        pytest.param([orjson.dumps(SOUND, option=orjson.OPT_INDENT_2)], id="lines"),
        pytest.param([dumped({}) * 2 + b"\0}", dumped({})], id="a zero"),
        pytest.param([], id="no rows"),
    ],
)
def test_what_is_not_sound_is_left_to_be_looked_at(rows: list[bytes]) -> None:
    assert sound_events(rows) is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(enveloped([dumped({})]) + b"{}", id="something behind"),
        pytest.param(enveloped([dumped({})]) * 2, id="two envelopes"),
        pytest.param(enveloped([dumped({})]) + b"\0", id="a zero"),
        pytest.param(b"\xef\xbb\xbf" + enveloped([dumped({})]), id="a byte order mark"),
        pytest.param(enveloped([dumped({}), b"null"]), id="null among the records"),
        pytest.param(enveloped([dumped({})])[:-1] + b',"more":1}', id="another field"),
        pytest.param(enveloped([dumped({"another": 1})]), id="another field of a record"),
        pytest.param(b'{"events":null}', id="null for the records"),
        pytest.param(b"{}", id="no records"),
        pytest.param(enveloped([dumped({}), b"["]), id="no JSON"),
        pytest.param(b"[" + enveloped([dumped({})]) + b"]", id="no object"),
    ],
)
def test_an_envelope_that_is_not_sound_is_left_to_be_looked_at(body: bytes) -> None:
    assert sound_envelope(body) is None


def test_few_records_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_json, "FEW", len(dumped({})))
    assert sound_events([dumped({})]) is None
    assert sound_events([dumped({})] * 2) is not None
