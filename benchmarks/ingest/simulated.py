"""Simulated events: a popularity curve over users and items, ids as companies make them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

USERS: Final = 1_000_000
ITEMS: Final = 50_000
TYPES: Final = ("view", "click", "like", "purchase")
FIRST_MS: Final = 1_767_225_600_000
"""2026-01-01, in Unix milliseconds."""

DAYS: Final = 90
BLOCK: Final = 500_000


def simulated_events(rows: int, prefix: str = "e") -> Iterator[pa.Table]:
    """`rows` events in tables of up to 500,000, the same ones each time."""
    random = np.random.default_rng(7)
    for start in range(0, rows, BLOCK):
        count = min(BLOCK, rows - start)
        moments = FIRST_MS + random.integers(0, DAYS * 86_400_000, count)
        users = (random.pareto(0.9, count) * 1_000).astype(np.int64) % USERS
        items = (random.pareto(1.0, count) * 200).astype(np.int64) % ITEMS
        types = pa.array(TYPES).take(pa.array(random.choice(4, count, p=(0.6, 0.25, 0.1, 0.05))))
        yield pa.table(
            {
                "event_id": _named(f"{prefix}-", np.arange(start, start + count), 10),
                "user_id": _named("user-", users, 7),
                "item_id": _named("item-", items, 5),
                "event_type": types,
                "timestamp": pc.call_function(
                    "strftime",
                    [pa.array(moments, pa.timestamp("ms", "UTC"))],
                    pc.StrftimeOptions("%Y-%m-%dT%H:%M:%SZ"),
                ),
                "value": pa.array(np.round(random.random(count), 3)),
            }
        )


def write_csv(path: Path, rows: int) -> None:
    """Write the events as a CSV file with a header."""
    with path.open("wb") as file:
        for number, table in enumerate(simulated_events(rows)):
            options = pyarrow.csv.WriteOptions(include_header=number == 0, quoting_style="none")
            pyarrow.csv.write_csv(table, file, options)


def batches(rows: int, size: int, prefix: str) -> Iterator[bytes]:
    """The events as bodies of `POST /events`, `size` in each."""
    for table in simulated_events(rows, prefix):
        for start in range(0, len(table), size):
            yield orjson.dumps({"events": table.slice(start, size).to_pylist()})


def messages(rows: int, prefix: str) -> Iterator[bytes]:
    """The events one by one, as messages of a stream."""
    for table in simulated_events(rows, prefix):
        yield from map(orjson.dumps, table.to_pylist())


def _named(
    prefix: str, numbers: np.ndarray[tuple[int], np.dtype[np.int64]], width: int
) -> pa.Array:
    plain = pa.array(numbers).cast(pa.string())
    digits = pc.call_function("utf8_lpad", [plain], pc.PadOptions(width, "0"))
    return pc.call_function("binary_join_element_wise", [prefix, digits, ""])
