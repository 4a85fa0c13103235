"""Validates events as columns: which rows are sound, without a look at single ones."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from contracts.events import EventType
from contracts.validation_rules import EventField, EventTypeRules, UnknownItems
from data_pipeline.transform.event_records import EventTerms
from data_pipeline.transform.rules import DAY_MS, NO_RULES

Rows = npt.NDArray[np.bool_]

_MAX_CHARACTERS: Final = 256
_MAX_VALUE: Final = 1e9
# What datetime holds; columns hold more.
_FIRST_MS: Final = -62_135_596_800_000
_SPACE: Final = 0x20
_DELETE: Final = 0x7F


def sound_rows(events: pa.RecordBatch, terms: EventTerms) -> Rows:
    """Which rows of `EVENT_SCHEMA` are events that break no rule; bool of shape (rows,).

    Exactly those that `checked_event` accepts.
    """
    sound = _timely(events.column("timestamp"), terms)
    for name in ("event_id", "user_id", "item_id"):
        column = events.column(name)
        sound &= identifiers(column) & _present(column)
    recommendation = events.column("recommendation_id")
    if recommendation.null_count < len(recommendation):
        sound &= identifiers(recommendation) | ~_present(recommendation)
    value = events.column("value")
    numbers: npt.NDArray[np.float64] = _numbers(value, pa.float64(), 0.0)
    sound &= np.abs(numbers) <= _MAX_VALUE
    types = _Types(events.column("event_type"), terms)
    sound &= types.declared()
    sound &= types.complete(EventField.VALUE, _present(value))
    sound &= types.complete(EventField.RECOMMENDATION_ID, _present(recommendation))
    sound &= types.allowed(numbers) | ~_present(value)
    if terms.rules.rules.events.unknown_items is UnknownItems.REJECT:
        known = pa.array(list(terms.known_items), pa.string())
        sound &= _rows(
            pc.call_function("is_in", [events.column("item_id")], pc.SetLookupOptions(known))
        )
    return sound


def identifiers(column: pa.StringArray) -> Rows:
    """Which texts are of 1 to 256 characters, none of them a control character.

    What it says of nulls means nothing.
    """
    _, places, content = column.buffers()
    if not len(column) or places is None or content is None:
        return np.zeros(len(column), np.bool_)
    ends = np.frombuffer(places, np.int32, len(column) + 1, 4 * column.offset)
    lengths = np.diff(ends)
    fit = (lengths > 0) & (lengths <= _MAX_CHARACTERS)
    # Characters beyond ASCII take several bytes.
    [long] = np.nonzero(lengths > _MAX_CHARACTERS)
    if long.size:
        characters = pc.call_function("utf8_length", [column.take(pa.array(long))])
        fit[long] = _numbers(characters, pa.int32(), 0) <= _MAX_CHARACTERS
    text = np.frombuffer(content, np.uint8)[ends[0] : ends[-1]]
    if text.size and (text.min() < _SPACE or (text == _DELETE).any()):
        [control] = np.nonzero((text < _SPACE) | (text == _DELETE))
        fit[np.searchsorted(ends, control + ends[0], side="right") - 1] = False
    return fit


def _timely(column: pa.TimestampArray, terms: EventTerms) -> Rows:
    rules = terms.rules.rules.events
    oldest = _FIRST_MS
    if rules.max_age_days is not None:
        oldest = max(oldest, terms.now_ms - rules.max_age_days * DAY_MS)
    moments: npt.NDArray[np.int64] = _numbers(column, pa.int64(), np.iinfo(np.int64).min)
    return (moments >= oldest) & (moments <= terms.now_ms + rules.max_seconds_ahead * 1000)


class _Types:
    """The types of events: each distinct one is looked at once, then found by its code."""

    def __init__(self, column: pa.StringArray, terms: EventTerms) -> None:
        encoded = column.dictionary_encode()
        names = encoded.dictionary
        # An event without a type has the code behind the last one.
        self._codes: npt.NDArray[np.int32] = _numbers(encoded.indices, pa.int32(), len(names))
        self._names: Sequence[str] = names.to_pylist()
        self._event_types = terms.event_types
        self._rules = terms.rules.rules.events.types

    def declared(self) -> Rows:
        """Of which rows the tenant has the type."""
        return self._each([name in self._event_types for name in self._names], without=False)

    def complete(self, field: EventField, present: Rows) -> Rows:
        """Which rows have a field that their type asks for."""
        asked = [
            field in rules.required or (name == EventType.RATING and field is EventField.VALUE)
            for name, rules in self._with_rules()
        ]
        if not any(asked):
            return np.ones(len(present), np.bool_)
        return present | ~self._each(asked, without=False)

    def allowed(self, numbers: npt.NDArray[np.float64]) -> Rows:
        """Which values lie in the range that their type allows."""
        ranges = [rules.value for _, rules in self._with_rules()]
        if not any(ranges):
            return np.ones(len(numbers), np.bool_)
        low = [-np.inf if r is None or r.min is None else r.min for r in ranges]
        high = [np.inf if r is None or r.max is None else r.max for r in ranges]
        return (numbers >= self._each(low, -np.inf)) & (numbers <= self._each(high, np.inf))

    def _with_rules(self) -> Sequence[tuple[str, EventTypeRules]]:
        return [(name, self._rules.get(name, NO_RULES)) for name in self._names]

    def _each(self, of_types: Sequence[Any], without: Any) -> npt.NDArray[Any]:
        return np.array([*of_types, without])[self._codes]


def _present(column: pa.Array) -> Rows:
    return np.ones(len(column), np.bool_) if not column.null_count else _rows(column.is_valid())


def _rows(column: pa.BooleanArray) -> Rows:
    return column.to_numpy(zero_copy_only=False)


def _numbers(column: pa.Array, kind: pa.DataType, null: float) -> npt.NDArray[Any]:
    numbers = column.cast(kind)
    return numbers.fill_null(pa.scalar(null, kind)).to_numpy()
