"""Reads batches that come over HTTP, as an envelope of records or a record on each line."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import orjson
from pydantic import ValidationError

from contracts.events import MAX_BATCH, EventBatch
from contracts.imports import DataType
from contracts.items import ItemBatch
from contracts.users import UserBatch
from data_pipeline.domain.errors import InvalidBatch, InvalidJson
from data_pipeline.domain.extracted import Extracted, ExtractedEvents, ExtractedRecords
from data_pipeline.extract.json_columns import NO_ROWS, event_columns
from data_pipeline.extract.json_rows import extract_json_rows, parse
from data_pipeline.extract.sound_json import sound_envelope

_ENVELOPES: Final = {
    DataType.EVENTS: EventBatch,
    DataType.ITEMS: ItemBatch,
    DataType.USERS: UserBatch,
}


def extract_envelope(data_type: DataType, body: bytes) -> Extracted:
    """The records of a batch in a JSON envelope.

    Raises:
        InvalidJson: the body is not JSON.
        InvalidBatch: it is not an object with a list of 1 to 10,000 records under `data_type`.
    """
    if data_type is DataType.EVENTS:
        return _events(body)
    records = _records(data_type, body)
    rows = range(len(records))
    return ExtractedRecords(len(records), records, rows, (), lambda row: _dumped(records[row]))


def extract_lines(data_type: DataType, body: bytes) -> Extracted:
    """The records of a batch that has one on each line (NDJSON); empty lines are none.

    Raises:
        InvalidBatch: there are not 1 to 10,000 lines.
    """
    lines = [line.removesuffix(b"\r") for line in body.split(b"\n")]
    rows = [line for line in lines if line and not line.isspace()]
    if not 1 <= len(rows) <= MAX_BATCH:
        raise InvalidBatch(
            f"the body has {len(rows)} records: send 1 to {MAX_BATCH}, a JSON object on each line"
        )
    return extract_json_rows(data_type, rows)


def _events(body: bytes) -> ExtractedEvents:
    @cache
    def records() -> Sequence[Any]:
        return _records(DataType.EVENTS, body)

    events, unfit = sound_envelope(body), NO_ROWS
    if events is None or not 1 <= len(events) <= MAX_BATCH:
        events, unfit = event_columns(records())
    return ExtractedEvents(
        rows=len(events),
        events=events,
        unfit=unfit,
        faults=(),
        record=lambda row: records()[row],
        raw=lambda row: _dumped(records()[row]),
    )


def _records(data_type: DataType, body: bytes) -> Sequence[Any]:
    try:
        content = parse(body)
    except ValueError as error:
        raise InvalidJson(f"the body is not JSON: {error}") from None
    try:
        batch = _ENVELOPES[data_type].model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise InvalidBatch(f"{place}: {first['msg']}") from None
    return getattr(batch, data_type)


def _dumped(record: Any) -> bytes:
    try:
        return orjson.dumps(record)
    except TypeError:
        # Half a surrogate pair, or a whole number of more than 64 bits.
        return json.dumps(record, separators=(",", ":")).encode()
