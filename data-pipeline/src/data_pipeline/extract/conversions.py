"""From texts to typed columns, a whole column at a time."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AwareDatetime, TypeAdapter, ValidationError

MOMENT: Final = pa.timestamp("ms", tz="UTC")
NUMBER_TEXT: Final = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:nan|inf|infinity))", re.ASCII
)
"""What Arrow reads as a number."""

_FEW: Final = 32
_PARTS: Final = 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_YEARS_MS: Final = (
    (datetime(1, 1, 2, tzinfo=UTC) - _EPOCH) // _MILLISECOND,
    (datetime(9999, 12, 30, tzinfo=UTC) - _EPOCH) // _MILLISECOND,
)
_MAX_SECONDS: Final = 20_000_000_000
"""Beyond, pydantic takes a number for milliseconds."""

_SHORTEST_MOMENT: Final = 20
_MOMENT: Final = TypeAdapter(AwareDatetime)


def moments(texts: pa.StringArray) -> pa.Array:
    """Times as RFC 3339 with an offset or Unix seconds, null where a text is none of these.

    They are cut to milliseconds, just as `moment_ms` cuts them.
    """
    return _converted(texts, _all_moments, moment_ms, pa.int64()).cast(MOMENT)


def moments_of_seconds(seconds: pa.Int64Array) -> pa.Array | None:
    """Unix seconds as times, None where one may be something else."""
    if _beyond(seconds, -_MAX_SECONDS, _MAX_SECONDS):
        return None
    return pc.call_function("multiply", [seconds, pa.scalar(1000)]).cast(MOMENT)


def moment_ms(value: Any) -> int | None:
    """Unix time in milliseconds of what an event has as its timestamp, None where it is none."""
    try:
        return (_MOMENT.validate_python(value) - _EPOCH) // _MILLISECOND
    except ValidationError:
        return None


def numbers(texts: pa.StringArray) -> pa.Array:
    """Finite numbers as float64, null where a text is none."""
    return finite(_converted(texts, _all_numbers, _number, pa.float64()))


def finite(values: pa.DoubleArray) -> pa.Array:
    """Numbers without NaN and infinity, which become null."""
    is_finite = np.isfinite(values.fill_null(0.0).to_numpy())
    if is_finite.all():
        return values
    nothing = pa.scalar(None, pa.float64())
    return pc.call_function("if_else", [pa.array(is_finite), values, nothing])


def unfit_rows(before: pa.Array, after: pa.Array) -> npt.NDArray[np.int64]:
    """The rows that a conversion could do nothing with."""
    if before.null_count == after.null_count:
        return np.empty(0, np.int64)
    lost = absent(after) & ~absent(before)
    return np.flatnonzero(lost)


def absent(values: pa.Array) -> npt.NDArray[np.bool_]:
    """Which values are null."""
    return values.is_null().to_numpy(zero_copy_only=False)


def _converted(
    texts: pa.StringArray,
    convert: Callable[[pa.StringArray], pa.Array | None],
    convert_one: Callable[[str], Any],
    type_: pa.DataType,
) -> pa.Array:
    """The texts converted as a whole, or in parts where that fails, in the end one by one."""
    whole = convert(texts)
    if whole is not None:
        return whole
    if len(texts) <= _FEW:
        found = [None if text is None else convert_one(text) for text in texts.to_pylist()]
        return pa.array(found, type_)
    size = -(-len(texts) // _PARTS)
    parts = [texts.slice(start, size) for start in range(0, len(texts), size)]
    return pa.concat_arrays([_converted(part, convert, convert_one, type_) for part in parts])


def _all_numbers(texts: pa.StringArray) -> pa.Array | None:
    try:
        return texts.cast(pa.float64())
    except pa.ArrowInvalid:
        return None


def _number(text: str) -> float | None:
    return float(text) if NUMBER_TEXT.fullmatch(text) else None


def _all_moments(texts: pa.StringArray) -> pa.Array | None:
    content, offsets = _content(texts)
    try:
        if ((content >= ord("0")) & (content <= ord("9"))).all():
            found = moments_of_seconds(texts.cast(pa.int64()))
            return None if found is None else found.cast(pa.int64())
        return _all_rfc3339(texts, offsets)
    except pa.ArrowInvalid:
        return None


def _all_rfc3339(texts: pa.StringArray, offsets: npt.NDArray[np.int32]) -> pa.Array | None:
    # Arrow takes times without minutes, offsets without minutes and the year 0, pydantic does not.
    content = np.frombuffer(texts.buffers()[2], np.uint8)
    ends = offsets[1:]
    nothing = absent(texts)
    if not (nothing | (ends - offsets[:-1] >= _SHORTEST_MOMENT)).all():
        return None
    if not (nothing | (content[ends - 1] == ord("Z")) | (content[ends - 3] == ord(":"))).all():
        return None
    try:
        found = texts.cast(MOMENT).cast(pa.int64())
    except pa.ArrowInvalid:
        found = _floored(texts.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()))
    return None if _beyond(found, *_YEARS_MS) else found


def _beyond(values: pa.Int64Array, lowest: int, highest: int) -> bool:
    """Whether one of the numbers lies outside of the bounds."""
    found = values.fill_null(0).to_numpy()
    return bool(found.size) and not lowest <= found.min() <= found.max() <= highest


def _floored(microseconds: pa.Int64Array) -> pa.Array:
    # Arrow's own division cuts towards zero, which is upwards before 1970.
    ms = microseconds.fill_null(0).to_numpy() // 1000
    return pa.array(ms, mask=absent(microseconds))


def _content(texts: pa.StringArray) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """The bytes of the texts, and where each begins and the last ends in their buffer."""
    _, offsets, content = texts.buffers()
    if offsets is None or content is None:
        return np.empty(0, np.uint8), np.zeros(len(texts) + 1, np.int32)
    places = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(content, np.uint8)[places[0] : places[-1]], places
