"""Parts what was extracted into valid events and rejected rows."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from contracts.identifiers import Identifier
from data_pipeline.domain.deliveries import Checked, Rejected
from data_pipeline.domain.events import EVENT_SCHEMA
from data_pipeline.domain.extracted import ExtractedEvents
from data_pipeline.domain.records import EventRecord
from data_pipeline.domain.validation_rules import VersionedRules
from data_pipeline.transform.event_columns import identifiers, sound_rows
from data_pipeline.transform.event_records import EventTerms, checked_event
from data_pipeline.transform.rejections import Fault

_IDENTIFIER: Final = TypeAdapter(Identifier)


def check_events(
    extracted: ExtractedEvents,
    rules: VersionedRules,
    now_ms: int,
    event_types: Collection[str],
    known_items: Collection[str] = (),
) -> Checked[pa.RecordBatch]:
    """Part events into valid ones (`EVENT_SCHEMA`) and rejected ones.

    `now_ms` is Unix time in milliseconds, `event_types` are those that the tenant has.
    `known_items` are those of `item_ids` that the catalogue has; only rules that reject unknown
    items ask for them. Sound rows are found column by column; only the others are looked at.
    """
    terms = EventTerms(rules, now_ms, event_types, known_items)
    sound = sound_rows(extracted.events, terms)
    sound[extracted.unfit] = False
    unread = [fault.index for fault in extracted.faults]
    sound[unread] = False
    doubtful = ~sound
    doubtful[unread] = False
    late: dict[int, EventRecord] = {}
    rejected: list[Rejected] = list(extracted.faults)
    for index in np.flatnonzero(doubtful).tolist():
        checked = checked_event(extracted.record(index), terms)
        if isinstance(checked, Fault):
            rejected.append(checked.of(index, extracted.raw(index)))
        else:
            late[index] = checked
    rejected.sort(key=lambda one: one.index)
    return Checked(extracted.rows, _valid(extracted.events, sound, late), rejected)


def item_ids(extracted: ExtractedEvents) -> set[str]:
    """The items that the rows may be about, as far as their ids are identifiers."""
    column = extracted.events.column("item_id")
    distinct = column.filter(pa.array(identifiers(column))).unique()
    found = {name for name in distinct.to_pylist() if name is not None}
    return found.union(*(_item_id(extracted.record(index)) for index in extracted.unfit.tolist()))


def _item_id(record: Any) -> Sequence[str]:
    if not isinstance(record, Mapping):
        return ()
    try:
        return (_IDENTIFIER.validate_python(cast("Mapping[str, Any]", record).get("item_id")),)
    except ValidationError:
        return ()


def _valid(
    events: pa.RecordBatch, sound: npt.NDArray[np.bool_], late: Mapping[int, EventRecord]
) -> pa.RecordBatch:
    kept = events if sound.all() else events.filter(pa.array(sound))
    valid = pa.RecordBatch.from_arrays(kept.columns, schema=EVENT_SCHEMA)
    if not late:
        return valid
    columns = zip(*late.values(), strict=True)
    looked_at = pa.RecordBatch.from_arrays(
        [pa.array(one, field.type) for one, field in zip(columns, EVENT_SCHEMA, strict=True)],
        schema=EVENT_SCHEMA,
    )
    places = np.concatenate([np.flatnonzero(sound), np.fromiter(late, np.int64)])
    return pa.concat_batches([valid, looked_at]).take(pa.array(np.argsort(places)))
