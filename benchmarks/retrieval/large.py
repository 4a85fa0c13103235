"""One index over a million vectors: recall, latency, time to build, memory."""

import resource
import time
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np

from benchmarks.retrieval.vectors import Vectors, chance, like_a_model
from ml_engine.retrieval.approximate_index import ApproximateIndex
from ml_engine.retrieval.flat_index import FlatIndex
from ml_engine.retrieval.index import VectorIndex
from ml_engine.retrieval.index_choice import DEPTH, QUERIES, choose
from ml_engine.retrieval.selector import Selector

USERS = 200
"""Users beyond those by whom the index is chosen."""

KINDS: dict[str, Callable[[int, int, int], tuple[Vectors, Vectors]]] = {
    "like a model": like_a_model,
    "chance": chance,
}
SHARES = (1.0, 0.1, 0.001)


def measure(kind: str, n_items: int, d: int) -> list[dict[str, Any]]:
    """Choose an index as a training job does, and ask it by one thread for users of its own."""
    items, users = KINDS[kind](n_items, QUERIES + USERS, d)
    asked, users = users[:QUERIES], users[QUERIES:]
    choice = choose(items, asked)
    line = {"retrieval": "index", "vectors": kind, "items": n_items, "dimensions": d}
    lines = [line | choice.report.to_json() | {"peak_memory_mb": _peak_memory_mb()}]
    index: VectorIndex = FlatIndex(items)
    if choice.codes is not None:
        index = ApproximateIndex(choice.codes, items)
    faiss.omp_set_num_threads(1)
    return lines + [line | _asked(index, users, share) for share in SHARES]


def _asked(index: VectorIndex, users: Vectors, share: float) -> dict[str, Any]:
    mask = np.random.default_rng(1).random(len(index)) < share
    among = None if share == 1 else Selector(mask)
    scores = users @ index.vectors.T
    scores[:, ~mask] = -np.inf
    truth = np.argpartition(-scores, DEPTH, axis=1)[:, :DEPTH]
    times, hits, shortest = [], 0, DEPTH
    for row, user in enumerate(users):
        started = time.perf_counter_ns()
        found = index.search(user[None, :], DEPTH, among)[1][0]
        times.append((time.perf_counter_ns() - started) / 1e6)
        hits += len(np.intersect1d(found, truth[row]))
        shortest = min(shortest, int((found >= 0).sum()))
    return {
        "eligible": int(mask.sum()),
        "recall_at_10": round(hits / truth.size, 4),
        "p50_ms": round(float(np.quantile(times, 0.5)), 3),
        "p95_ms": round(float(np.quantile(times, 0.95)), 3),
        "shortest_answer": shortest,
    }


def _peak_memory_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
