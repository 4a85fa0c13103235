"""Records in batches of what the API takes at once."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeAlias

from pydantic import BaseModel

from contracts.events import MAX_BATCH, BatchResult
from recommender_client.calls import Call, Plan, ask, write

Record: TypeAlias = BaseModel | Mapping[str, Any]
"""A model, or a mapping of the same shape, which only the API validates."""


def in_batches(
    records: Iterable[Record], batch: Callable[[list[Any]], BaseModel], path: str
) -> Plan[BatchResult]:
    """Send any number of records; `RejectedRecord.index` counts over all of them."""
    total = BatchResult(accepted=0, duplicates=0, rejected=[])
    remaining, sent = iter(records), 0
    while rows := list(islice(remaining, MAX_BATCH)):
        result = yield from ask(one_batch(batch(rows), path))
        total.accepted += result.accepted
        total.duplicates += result.duplicates
        total.rejected += [
            one.model_copy(update={"index": sent + one.index}) for one in result.rejected
        ]
        sent += len(rows)
    return total


def one_batch(batch: BaseModel, path: str) -> Call[BatchResult]:
    """Send one batch."""
    return write("POST", BatchResult.model_validate_json, path, body=batch)
