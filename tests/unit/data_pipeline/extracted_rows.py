"""Records as the first stage hands them on."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from data_pipeline.domain.deliveries import Rejected
from data_pipeline.domain.events import EVENT_SCHEMA
from data_pipeline.domain.extracted import ExtractedEvents, ExtractedRecords

_MOMENT = TypeAdapter(AwareDatetime)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXTS = {"event_id", "user_id", "item_id", "event_type", "recommendation_id"}


def raw(index: int) -> bytes:
    return f"row {index}".encode()


def extracted_events(records: Sequence[Any], faults: Sequence[Rejected] = ()) -> ExtractedEvents:
    """Records in columns where they fit, as they are where not; `faults` name unreadable ones."""
    unread = {fault.index for fault in faults}
    rows = [{} if n in unread else _fitting(record) for n, record in enumerate(records)]
    columns = [
        pa.array([(row or {}).get(field.name) for row in rows], field.type)
        for field in EVENT_SCHEMA
    ]
    schema = pa.schema([field.with_nullable(True) for field in EVENT_SCHEMA])
    unfit = [index for index, row in enumerate(rows) if row is None]
    return ExtractedEvents(
        len(records),
        pa.RecordBatch.from_arrays(columns, schema=schema),
        np.array(unfit, np.int64),
        faults,
        records.__getitem__,
        raw,
    )


def extracted_records(records: Sequence[Any], faults: Sequence[Rejected] = ()) -> ExtractedRecords:
    """Records as they are; `faults` name unreadable ones."""
    indexes = [n for n in range(len(records)) if n not in {fault.index for fault in faults}]
    return ExtractedRecords(
        len(records), [records[index] for index in indexes], indexes, faults, raw
    )


def _fitting(record: Any) -> Mapping[str, Any] | None:
    if not isinstance(record, dict) or not set(record) <= set(EVENT_SCHEMA.names):
        return None
    row = {name: value for name, value in record.items() if value is not None}
    if not all(_fits(name, value) for name, value in row.items()):
        return None
    if "timestamp" not in row:
        return row
    try:
        moment = _MOMENT.validate_python(row["timestamp"])
    except ValidationError:
        return None
    return {**row, "timestamp": (moment - _EPOCH) // timedelta(milliseconds=1)}


def _fits(name: str, value: Any) -> bool:
    if name in _TEXTS:
        return isinstance(value, str) and not any("\ud800" <= one <= "\udfff" for one in value)
    return name == "timestamp" or (isinstance(value, float | int) and not isinstance(value, bool))
