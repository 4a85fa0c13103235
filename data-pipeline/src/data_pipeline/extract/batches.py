"""Reads the envelope of a batch; its records stay as they came."""

import json
from collections.abc import Sequence
from typing import Any, Final

import orjson
from pydantic import ValidationError

from contracts.events import EventBatch
from contracts.imports import DataType
from contracts.items import ItemBatch
from contracts.users import UserBatch
from data_pipeline.domain.errors import InvalidBatch, InvalidJson

_ENVELOPES: Final = {
    DataType.EVENTS: EventBatch,
    DataType.ITEMS: ItemBatch,
    DataType.USERS: UserBatch,
}


def read_records(data_type: DataType, body: bytes) -> Sequence[Any]:
    """The records of a batch.

    Raises:
        InvalidJson: the body is not JSON.
        InvalidBatch: it is not an object with a list of 1 to 10,000 records under `data_type`.
    """
    content = _parse(body)
    try:
        batch = _ENVELOPES[data_type].model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise InvalidBatch(f"{place}: {first['msg']}") from None
    return getattr(batch, data_type)


def _parse(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _parse_lenient(body)


def _parse_lenient(body: bytes) -> Any:
    # orjson refuses a whole body for half a surrogate pair or a number too large in one record;
    # read otherwise, that record is rejected alone.
    try:
        return json.loads(body.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidJson(f"the body is not JSON: {error}") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")
