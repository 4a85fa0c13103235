"""Texts become times and numbers just as the model of an event reads them."""

import math
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.events import Event
from data_pipeline.extract.conversions import moments, numbers

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS = st.integers(-30_000_000_000, 300_000_000_000)


def expected_ms(text: str) -> int | None:
    """As `Event` reads it, cut to milliseconds."""
    ids = {"event_id": "e", "user_id": "u", "item_id": "i", "event_type": "view"}
    try:
        event = Event.model_validate({**ids, "timestamp": text})
    except ValidationError:
        return None
    return (event.timestamp - EPOCH) // timedelta(milliseconds=1)


def found_ms(texts: list[str | None]) -> list[int | None]:
    return moments(pa.array(texts, pa.string())).cast(pa.int64()).to_pylist()


@st.composite
def rfc3339(draw: st.DrawFn) -> str:
    """Times near to RFC 3339, most of them sound."""
    moment = draw(st.datetimes())
    separator = draw(st.sampled_from(["T", "T", "T", "t", " ", "_", ""]))
    clock = draw(st.sampled_from(["%H:%M:%S", "%H:%M:%S", "%H:%M:%S", "%H:%M", "%H", "%H%M%S"]))
    fraction = draw(st.one_of(st.just(""), st.from_regex(r"[.,][0-9]{0,10}", fullmatch=True)))
    zone = draw(
        st.one_of(
            st.sampled_from(["Z", "Z", "z", "", "+00:00", "-23:59", "+24:00", "+01:60", " Z"]),
            st.from_regex(r"[+-][0-9]{2}(:?[0-9]{2})?", fullmatch=True),
        )
    )
    date = f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}"
    return date + separator + moment.strftime(clock) + fraction + zone


TEXTS = st.one_of(
    rfc3339(),
    SECONDS.map(str),
    st.decimals(-30_000_000_000, 30_000_000_000, places=7).map(str),
    st.sampled_from(["", " ", "0x10", "1e9", "+5", "-5", "0017", "-0", "NaN", "2024-02-30", "now"]),
    st.text(max_size=30),
)


@settings(max_examples=400)
@given(st.lists(st.one_of(st.none(), TEXTS), max_size=6))
@example(["0000-01-01T00:00:00Z"])
@example(["2024-01-01T00:00:00+01"])
@example(["2024-01-01T00:00:00.123+01"])
@example(["1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.9990009Z"])
@example(["x"])
@example(["20000000000", "20000000001"])
def test_times_are_read_as_the_model_of_an_event_reads_them(texts) -> None:
    expected = [None if text is None else expected_ms(text) for text in texts]
    assert found_ms(texts) == expected


@settings(max_examples=30)
@given(
    sound=st.sampled_from(
        ["2024-05-06T07:08:09Z", "2024-05-06T07:08:09.123456+02:00", "1700000000", "1700000000.5"]
    ),
    rows=st.integers(1, 700),
    others=st.dictionaries(st.integers(0, 699), st.one_of(st.none(), TEXTS), max_size=5),
)
def test_what_stands_beside_a_time_in_its_column_changes_nothing(sound, rows, others) -> None:
    texts = [others.get(row, sound) for row in range(rows)]
    assert found_ms(texts) == [None if text is None else expected_ms(text) for text in texts]


def test_a_slice_of_a_column_is_read_as_its_own() -> None:
    texts = pa.array(["bad", "1700000000", "2024-01-01T00:00:00Z", None, "x"], pa.string())
    for start in range(5):
        for end in range(start, 6):
            part = texts[start:end]
            found = moments(part).cast(pa.int64()).to_pylist()
            assert found == [None if t is None else expected_ms(t) for t in part.to_pylist()]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1.0),
        ("-2.5e3", -2500.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("+1", 1.0),
        ("1e-999", 0.0),
        ("1e999", None),
        ("nan", None),
        ("-Infinity", None),
        ("inf", None),
        ("", None),
        (" 1", None),
        ("1_0", None),
        ("0x1", None),
        ("\u0661", None),
        ("1,5", None),
        ("five", None),
    ],
)
@pytest.mark.parametrize("beside", [[], ["1.5"], ["bad"], [None] * 100, ["bad"] * 100], ids=len)
def test_a_number_is_finite_or_none_whatever_stands_beside_it(text, number, beside) -> None:
    found = numbers(pa.array([*beside, text, *beside], pa.string())).to_pylist()
    assert found[len(beside)] == number


@settings(max_examples=200)
@given(st.lists(st.one_of(st.floats(), st.integers(-(10**20), 10**20)), max_size=40))
def test_numbers_are_read_to_the_last_bit(values) -> None:
    found = numbers(pa.array([str(value) for value in values], pa.string())).to_pylist()
    assert found == [float(value) if math.isfinite(value) else None for value in values]
