"""Validates records one by one: what items and users have in common."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from data_pipeline.domain.deliveries import Checked, Rejected
from data_pipeline.domain.extracted import ExtractedRecords
from data_pipeline.transform.rejections import Fault

RecordT = TypeVar("RecordT")


def check_one_by_one(
    extracted: ExtractedRecords, check: Callable[[Any], RecordT | Fault]
) -> Checked[Sequence[RecordT]]:
    """Part records into valid ones and rejected ones, by what `check` makes of each."""
    valid: list[RecordT] = []
    rejected: list[Rejected] = list(extracted.faults)
    for index, record in zip(extracted.indexes, extracted.records, strict=True):
        checked = check(record)
        if isinstance(checked, Fault):
            rejected.append(checked.of(index, extracted.raw(index)))
        else:
            valid.append(checked)
    rejected.sort(key=lambda one: one.index)
    return Checked(extracted.rows, valid, rejected)
