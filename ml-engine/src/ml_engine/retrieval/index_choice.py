"""Which index serves a model, chosen by measuring recall and latency on its own vectors.

Exact search while it is fast enough, which is up to EXACT_ITEMS items, and beyond as long as the
median search takes at most FAST_MS. Else an IVF, of the least effort whose recall is WANTED_RECALL;
where that takes longer than SLOW_MS or cannot be had, an HNSW as well. The faster of those that
reach the recall serves if it is faster than exact search, and exact search where none does.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from ml_engine.domain.interactions import Histories
from ml_engine.models.model import InnerProductModel, ScoringModel
from ml_engine.retrieval.approximate_index import HNSW, IVF, ApproximateIndex, Codes, build
from ml_engine.retrieval.flat_index import FLAT
from ml_engine.retrieval.index import SCAN, Found

EXACT_ITEMS: Final = 10_000
FAST_MS: Final = 0.2
SLOW_MS: Final = 1.0
WANTED_RECALL: Final = 0.96
"""A point above what is promised, since it is chosen on some users and holds for others."""

DEPTH: Final = 10
QUERIES: Final = 400
"""Users' vectors that are asked for: half to choose by, half to report the recall of the choice."""
EXACT_TRIES: Final = 20

EFFORTS: Final = {IVF: (4, 8, 16, 32, 64, 128), HNSW: (32, 64, 128, 256, 512)}

Search = Callable[[NDArray[np.float32]], Found]
"""The DEPTH best for each of some vectors (m, d)."""

Milliseconds = Callable[[Search, NDArray[np.float32]], float]
"""How long a search takes for one of some vectors (m, d)."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The index that serves a model, and what was measured of it when it was built.

    Milliseconds are medians of one thread; `recall_at_10` is of users whom it was not chosen by.
    """

    index_type: str
    recall_at_10: float
    search_ms: float
    exact_search_ms: float
    build_seconds: float
    effort: int
    memory_mb: float

    def to_json(self) -> dict[str, Any]:
        """Plain strings and numbers."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class IndexChoice:
    """The report, and the codes of an approximate index, None for exact search."""

    report: IndexReport
    codes: Codes | None = None


def median_ms(search: Search, vectors: NDArray[np.float32]) -> float:
    """The median over the vectors, each searched for alone."""
    times: list[int] = []
    for row in range(len(vectors)):
        started = time.perf_counter_ns()
        search(vectors[row : row + 1])
        times.append(time.perf_counter_ns() - started)
    return float(np.median(times)) / 1e6


def index_of(model: InnerProductModel | ScoringModel, users: Histories) -> IndexChoice:
    """What finds a model's items, measured with the vectors of `users`.

    A model that scores all items needs no index: its time is that of making the scores.
    """
    if not isinstance(model, ScoringModel):
        return choose(model.item_vectors, model.encode_users(users))

    times: list[int] = []
    for user in range(min(users.n_users, EXACT_TRIES)):
        started = time.perf_counter_ns()
        model.encode_user(*users.row(user))
        times.append(time.perf_counter_ns() - started)
    scan_ms = float(np.median(times)) / 1e6 if times else 0.0
    return IndexChoice(IndexReport(SCAN, 1.0, scan_ms, scan_ms, 0.0, 0, 0.0))


def choose(
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    exact_items: int = EXACT_ITEMS,
    milliseconds: Milliseconds = median_ms,
) -> IndexChoice:
    """The index for item `vectors` (n, d), measured with users' vectors `queries` (m, d)."""

    def exact(asked: NDArray[np.float32]) -> Found:
        return faiss.knn(asked, vectors, DEPTH, metric=faiss.METRIC_INNER_PRODUCT)

    chosen_by, others = queries[::2], queries[1::2]
    with _one_thread():
        exact_ms = milliseconds(exact, queries[:EXACT_TRIES]) if len(queries) else 0.0
    flat = IndexChoice(IndexReport(FLAT, 1.0, exact_ms, exact_ms, 0.0, 0, vectors.nbytes / 1e6))
    if len(vectors) <= max(exact_items, DEPTH) or len(others) == 0 or exact_ms <= FAST_MS:
        return flat
    truths = exact(chosen_by)[1], exact(others)[1]
    found = [flat]
    for index_type in (IVF, HNSW):
        started = time.perf_counter()
        codes = build(index_type, vectors, 1)
        seconds = time.perf_counter() - started
        with _one_thread():
            index = _tuned(codes, vectors, chosen_by, truths[0])
            if index is None:
                continue
            recall = _recall(index.search(others, DEPTH)[1], truths[1])
            search_ms = milliseconds(lambda asked, i=index: i.search(asked, DEPTH), others)
        effort, memory_mb = index.codes.effort, faiss.serialize_index(codes.index).nbytes / 1e6
        report = IndexReport(index_type, recall, search_ms, exact_ms, seconds, effort, memory_mb)
        found.append(IndexChoice(report, index.codes))
        if search_ms <= SLOW_MS:
            break
    return min(found, key=lambda choice: choice.report.search_ms)


def _tuned(
    codes: Codes,
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    truth: NDArray[np.int64],
) -> ApproximateIndex | None:
    """The index with the least effort that reaches the wanted recall, None where none does."""
    for effort in EFFORTS[codes.index_type]:
        index = ApproximateIndex(replace(codes, effort=effort), vectors)
        if _recall(index.search(queries, DEPTH)[1], truth) >= WANTED_RECALL:
            return index
    return None


def _recall(found: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """The share of the true positions (m, DEPTH) that were found, the same for each user."""
    pairs = zip(found, truth, strict=True)
    return sum(len(np.intersect1d(one, true)) for one, true in pairs) / truth.size


@contextmanager
def _one_thread() -> Generator[None]:
    """Search as a serving process does."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
