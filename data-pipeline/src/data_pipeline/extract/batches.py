"""Reads batches that come over HTTP, as an envelope of records or a record on each line."""

import json
from collections.abc import Sequence
from typing import Any, Final

import orjson
from pydantic import ValidationError

from contracts.events import MAX_BATCH, EventBatch
from contracts.imports import DataType
from contracts.items import ItemBatch
from contracts.users import UserBatch
from data_pipeline.domain.errors import InvalidBatch, InvalidJson
from data_pipeline.domain.extracted import Extracted, ExtractedEvents, ExtractedRecords
from data_pipeline.extract.json_columns import event_columns
from data_pipeline.extract.json_rows import extract_json_rows, parse

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
    records = _records(data_type, body)

    def raw(row: int) -> bytes:
        return _dumped(records[row])

    if data_type is not DataType.EVENTS:
        return ExtractedRecords(len(records), records, range(len(records)), (), raw)
    events, unfit = event_columns(records)
    return ExtractedEvents(len(records), events, unfit, (), records.__getitem__, raw)


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
