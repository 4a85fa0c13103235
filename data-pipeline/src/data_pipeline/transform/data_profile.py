"""What the data of a snapshot are like, and how they differ from those of the one before.

Everything is counted by DuckDB from the files of the snapshots, on disk where memory is short.
"""

import math
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt

from contracts.snapshots import DataDrift, DataProfile, Distribution

MEMORY_LIMIT: Final = "256MB"

DIGITS: Final = 9
"""Ratios are rounded, so that no machine's last bits make a difference."""

_COUNTS: Final = "SELECT {name}, count(*) AS n FROM read_parquet(?) GROUP BY {name}"
_DISTRIBUTION: Final = """
    SELECT count(*), min(n), quantile_disc(n, [0.25, 0.5, 0.75, 0.9, 0.99]), max(n) FROM {table}
"""
_PAIRS: Final = "SELECT count(*) FROM (SELECT DISTINCT user_id, item_id FROM read_parquet(?))"
_TIMES: Final = """
    SELECT epoch_ms(min("timestamp")), epoch_ms(max("timestamp")) FROM read_parquet(?)
"""
_TYPES: Final = "SELECT event_type, count(*) FROM read_parquet(?) GROUP BY event_type ORDER BY 1"
_CATALOGUE: Final = """
    SELECT count(*), count(*) FILTER (WHERE item_id NOT IN (SELECT item_id FROM items))
    FROM read_parquet(?)
"""
_BOTH_ITEMS: Final = """
    SELECT coalesce(items.n, 0) AS now, coalesce(previous.n, 0) AS before
    FROM items FULL JOIN previous ON items.item_id = previous.item_id
"""
_NEW_USERS: Final = """
    SELECT count(*) FROM users
    WHERE user_id NOT IN (SELECT DISTINCT user_id FROM read_parquet(?))
"""

Counts = npt.NDArray[np.int64]


class DataProfiler:
    """Looks at the data of one snapshot."""

    def __init__(self, database: duckdb.DuckDBPyConnection, events: Path, catalogue: Path) -> None:
        self._database = database
        self._events = str(events)
        self._catalogue = str(catalogue)
        self._count("users", "user_id", self._events)
        self._count("items", "item_id", self._events)

    def profile(self) -> DataProfile:
        """What the data are like."""
        users, per_user = self._distribution("users")
        items, per_item = self._distribution("items")
        (pairs,) = self._row(_PAIRS, self._events)
        first_ms, last_ms = self._row(_TIMES, self._events)
        by_type = dict(self._database.execute(_TYPES, [self._events]).fetchall())
        catalogue_items, cold = self._row(_CATALOGUE, self._catalogue)
        return DataProfile(
            events=sum(by_type.values()),
            users=users,
            items=items,
            catalogue_items=catalogue_items,
            sparsity=_rounded(1 - pairs / (users * items)),
            cold_item_share=_rounded(cold / catalogue_items) if catalogue_items else 0.0,
            first_event_at=_moment(first_ms),
            last_event_at=_moment(last_ms),
            events_by_type=by_type,
            events_per_user=per_user,
            events_per_item=per_item,
        )

    def drift(self, now: DataProfile, before: DataProfile, events_before: Path) -> DataDrift:
        """How the data, with the profile `now`, differ from others."""
        self._count("previous", "item_id", str(events_before))
        both = self._database.execute(_BOTH_ITEMS).fetchnumpy()
        popularity, popularity_before = both["now"], both["before"]
        (new_users,) = self._row(_NEW_USERS, str(events_before))
        new_items = int(np.count_nonzero(popularity_before == 0))
        return DataDrift(
            event_types=_of_types(now.events_by_type, before.events_by_type),
            item_popularity=jensen_shannon(popularity, popularity_before),
            events_change=_change(now.events, before.events),
            users_change=_change(now.users, before.users),
            items_change=_change(now.items, before.items),
            new_user_share=_rounded(new_users / now.users),
            new_item_share=_rounded(new_items / now.items),
        )

    def _count(self, table: str, name: str, events: str) -> None:
        self._database.execute(f"CREATE TABLE {table} AS {_COUNTS.format(name=name)}", [events])

    def _distribution(self, table: str) -> tuple[int, Distribution]:
        count, least, quantiles, most = self._row(_DISTRIBUTION.format(table=table))
        q25, median, q75, q90, q99 = quantiles
        return count, Distribution(
            least=least, q25=q25, median=median, q75=q75, q90=q90, q99=q99, most=most
        )

    def _row(self, query: str, *parameters: str) -> tuple[Any, ...]:
        (row,) = self._database.execute(query, parameters).fetchall()
        return row


@contextmanager
def profiling(events: Path, catalogue: Path, folder: Path) -> Generator[DataProfiler]:
    """A block in which the files of a snapshot can be looked at; `folder` is for what overflows.

    `events` and `catalogue` have the schemas of `backends.snapshots`, and at least one event.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(folder),
        "preserve_insertion_order": False,
        "threads": 2,
    }
    with duckdb.connect(":memory:", config=config) as database:
        yield DataProfiler(database, events, catalogue)


def jensen_shannon(one: Counts, other: Counts) -> float:
    """The divergence of two distributions, given as counts (shape: outcomes), to the base 2.

    JS(P, Q) = (KL(P, M) + KL(Q, M)) / 2 with M = (P + Q) / 2 (Lin, 1991, with equal weights).
    """
    p, q = one / one.sum(), other / other.sum()
    middle = (p + q) / 2
    terms = [share[share > 0] * np.log2(share[share > 0] / middle[share > 0]) for share in (p, q)]
    # Summed exactly, so that the order of the outcomes makes no difference.
    return max(0.0, _rounded(math.fsum(np.concatenate(terms)) / 2))


def _of_types(now: Mapping[str, int], before: Mapping[str, int]) -> float:
    names = sorted(now.keys() | before.keys())
    one, other = (np.array([counts.get(name, 0) for name in names]) for counts in (now, before))
    return jensen_shannon(one, other)


def _change(now: int, before: int) -> float:
    return _rounded((now - before) / before)


def _rounded(ratio: float) -> float:
    return round(ratio, DIGITS)


def _moment(moment_ms: int) -> datetime:
    return datetime.fromtimestamp(moment_ms / 1000, UTC)
