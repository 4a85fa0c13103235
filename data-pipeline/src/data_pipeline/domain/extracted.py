"""What the first stage makes of a source: rows, as columns where they fit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_pipeline.domain.deliveries import Rejected


@dataclass(frozen=True, slots=True)
class ExtractedEvents:
    """Rows that should be events.

    `events` has a row for each of the `rows`, in the columns of `EVENT_SCHEMA`, all of which may
    be null here: null where the row has no such field. `unfit` (int64, sorted) are the rows whose
    fields are of other types, have fields of another name, or are no records at all: only
    `record` shows these as they are. `faults` are rows of which nothing can be read. `raw` gives
    the bytes of a row as they came; both are asked for few rows only.
    """

    rows: int
    events: pa.RecordBatch
    unfit: npt.NDArray[np.int64]
    faults: Sequence[Rejected]
    record: Callable[[int], Any]
    raw: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class ExtractedRecords:
    """Rows that should be items or users: `records` as they came, `indexes` their rows."""

    rows: int
    records: Sequence[Any]
    indexes: Sequence[int]
    faults: Sequence[Rejected]
    raw: Callable[[int], bytes]


Extracted = ExtractedEvents | ExtractedRecords
