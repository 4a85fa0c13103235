"""Leaves out what a file says of users who were erased after its upload had begun."""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa

from data_pipeline.domain.deliveries import Checked, Rejected
from data_pipeline.domain.imports import erasure_mark

CODE: Final = "user_erased"

_REASON: Final = "The user was erased after the upload of the file began."
_CELLS: Final = re.compile(r'[,;\t"\r\n]+')
_WORDS: Final = re.compile(r"[^0-9A-Za-z_.@\-\x80-\U0010ffff]+")


def without_erased(checked: Checked[Any], tenant_id: str, marks: Collection[str]) -> Checked[Any]:
    """Reject the valid records of erased users, and keep no bytes that name one.

    `marks` are those of `erasure_mark`. Events and users are told by their `user_id`.
    """
    if not marks:
        return checked

    def is_erased(name: str) -> bool:
        return erasure_mark(tenant_id, name) in marks

    rejected = [
        replace(one, raw=b"") if any(is_erased(name) for name in _names(one.raw)) else one
        for one in checked.rejected
    ]
    valid = checked.valid
    users = valid.column("user_id") if isinstance(valid, pa.RecordBatch) else _users(valid)
    erased = {name for name in users.unique().to_pylist() if is_erased(name)}
    if not erased:
        return Checked(checked.received, valid, rejected)
    gone = np.array([name in erased for name in users.to_pylist()])
    faulty = [one.index for one in rejected]
    places = np.setdiff1d(np.arange(checked.received), faulty)[gone]
    rejected += [Rejected(index, CODE, _REASON, b"") for index in places.tolist()]
    rejected.sort(key=lambda one: one.index)
    return Checked(checked.received, _kept(valid, ~gone), rejected)


def _users(records: Sequence[Any]) -> pa.Array:
    return pa.array([record.user_id for record in records], pa.string())


def _kept(valid: Any, kept: Any) -> Any:
    if isinstance(valid, pa.RecordBatch):
        return valid.filter(pa.array(kept))
    return [record for record, stays in zip(valid, kept, strict=True) if stays]


def _names(raw: bytes) -> Iterator[str]:
    """Every text of a record that might be the id of a user."""
    text = raw.decode(errors="replace")
    try:
        waiting: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):
        yield from (cell.strip() for cell in _CELLS.split(text))
        yield from _WORDS.split(text)
        return
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif not isinstance(one, bool) and one is not None:
            yield str(one)
