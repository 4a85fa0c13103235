"""An index of seen event ids that is stopped well or badly, and the log that it is made from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from data_pipeline.adapters.seen_ids import SeenIds, SeenIdsStore, hash_ids, index

DAY_MS = 86_400_000
WINDOW_DAYS = 4
NOW_MS = 1_700_000_000_000


def hashed(ids: Sequence[str]) -> np.ndarray:
    return hash_ids(pa.array(ids, pa.string()))


def names(start: int, end: int) -> list[str]:
    return [f"e{n}" for n in range(start, end)]


class SeenIdsStores:
    """One store that can be stopped well or badly, and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> "SeenIdsStores":
        self.store = SeenIdsStore(self.folder, WINDOW_DAYS)
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def of(self, tenant_id: str = "acme"):
        return self.store.of(tenant_id)

    def restart(self) -> None:
        self.store.close()
        self.store = SeenIdsStore(self.folder, WINDOW_DAYS)

    def kill(self) -> None:
        self.store._lock_file.close()
        self.store = SeenIdsStore(self.folder, WINDOW_DAYS)


@dataclass
class Log:
    """What the index is made from: chunks of ids with their time, and removals."""

    chunks: list[tuple[list[str], int]] = field(default_factory=list)
    removals: list[list[str]] = field(default_factory=list)
    now_ms: int = NOW_MS

    def catch_up(self, seen: SeenIds) -> None:
        for removal in range(seen.removal, len(self.removals)):
            seen.forget(hashed(self.removals[removal]), removal + 1)
        for sequence in range(seen.sequence, len(self.chunks)):
            ids, received_at_ms = self.chunks[sequence]
            seen.add(hashed(ids), received_at_ms, sequence + 1)
        seen.expire(self.now_ms)

    def known(self) -> set[str]:
        width = WINDOW_DAYS * DAY_MS // index.BUCKETS
        return {
            one
            for ids, received_at_ms in self.chunks
            for one in ids
            if (received_at_ms // width + 1) * width > self.now_ms - WINDOW_DAYS * DAY_MS
        }
