"""Which runs are merged: those of a size, so that an id is merged few times and runs stay few."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from data_pipeline.adapters.seen_ids.runs import Run

FAN_IN: Final = 8
"""So many runs of about the same size become one."""

SMALLEST_ROWS: Final = 1 << 14
"""Smaller runs count as of this size."""

MERGED_ROWS: Final = 1 << 24
"""Runs of so many rows or more are left as they are, 256 MiB each."""


def due(runs: Sequence[Run], until_ms: int) -> Sequence[Run]:
    """Runs that should become one now, none where all is well.

    `until_ms` is the bucket that still grows; what is left of the others becomes one run each.
    """
    groups: defaultdict[tuple[int, int], list[Run]] = defaultdict(list)
    for run in runs:
        if run.entry.rows < MERGED_ROWS:
            grows = run.entry.until_ms >= until_ms
            groups[run.entry.until_ms, _tier(run) if grows else 0].append(run)
    for (group_until_ms, _), group in groups.items():
        many = 2 if group_until_ms < until_ms else FAN_IN
        rows = sum(run.entry.rows for run in group)
        if len(group) >= many or (len(group) > 1 and rows >= MERGED_ROWS):
            return group
    return ()


def _tier(run: Run) -> int:
    rows = max(run.entry.rows, SMALLEST_ROWS)
    return rows.bit_length() // (FAN_IN.bit_length() - 1)
