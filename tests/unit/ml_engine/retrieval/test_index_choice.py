from collections.abc import Callable, Generator

import faiss
import numpy as np
import pytest
from tests.unit.ml_engine.retrieval.taste_vectors import items_and_users

from ml_engine.retrieval import index_choice
from ml_engine.retrieval.approximate_index import HNSW, IVF
from ml_engine.retrieval.flat_index import FLAT
from ml_engine.retrieval.index_choice import FAST_MS, Search, choose

ITEMS, USERS = items_and_users(2_000, 100)
NOISE = np.random.default_rng(0).standard_normal((2, 1_000, 64)).astype(np.float32)


@pytest.fixture(autouse=True)
def _one_thread() -> Generator[None]:
    """Threads of FAISS that wait for each other on a busy machine take all of its time."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(threads)


def taking(*milliseconds: float) -> Callable[[Search, np.ndarray], float]:
    """A stopwatch that shows these times, one search after the other."""
    left = list(milliseconds)
    return lambda search, asked: left.pop(0)


def test_a_small_catalogue_is_searched_exactly_however_long_it_takes() -> None:
    choice = choose(ITEMS, USERS, milliseconds=taking(1_000.0))
    assert (choice.report.index_type, choice.codes) == (FLAT, None)
    assert choice.report.recall_at_10 == 1


def test_a_large_catalogue_is_searched_exactly_while_that_is_fast() -> None:
    choice = choose(ITEMS, USERS, exact_items=0, milliseconds=taking(FAST_MS))
    assert choice.report.index_type == FLAT


def test_a_slow_exact_search_gives_way_to_the_first_fast_index_of_enough_recall() -> None:
    choice = choose(ITEMS, USERS, exact_items=0, milliseconds=taking(5.0, FAST_MS))
    assert choice.report.index_type == IVF
    assert choice.report.recall_at_10 >= 0.95
    assert choice.codes is not None
    assert choice.codes.effort == choice.report.effort


def test_where_the_first_is_slow_the_second_is_measured_too() -> None:
    choice = choose(ITEMS, USERS, exact_items=0, milliseconds=taking(5.0, 3.0, 2.0))
    assert choice.report.index_type == HNSW
    assert choice.report.recall_at_10 >= 0.95
    choice = choose(ITEMS, USERS, exact_items=0, milliseconds=taking(5.0, 2.0, 3.0))
    assert choice.report.index_type == IVF


def test_an_index_that_is_no_faster_than_exact_search_does_not_serve() -> None:
    choice = choose(ITEMS, USERS, exact_items=0, milliseconds=taking(5.0, 6.0, 7.0))
    assert choice.report.index_type == FLAT


def test_vectors_without_any_order_are_searched_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_choice, "EFFORTS", {IVF: (1, 2), HNSW: (16,)})
    choice = choose(*NOISE, exact_items=0, milliseconds=taking(5.0, 0.1, 0.1))
    assert choice.report.index_type == FLAT


def test_without_users_to_measure_with_the_search_is_exact() -> None:
    choice = choose(ITEMS, USERS[:0], exact_items=0)
    assert (choice.report.index_type, choice.report.search_ms) == (FLAT, 0.0)
