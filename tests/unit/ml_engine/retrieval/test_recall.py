import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_engine.retrieval.candidates import Search
from ml_engine.retrieval.flat_index import FlatIndex
from ml_engine.retrieval.recall import recall
from ml_engine.retrieval.selector import Selector

VECTORS = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
QUERY = np.random.default_rng(1).normal(size=8).astype(np.float32)
BEST = np.argsort(-(VECTORS @ QUERY))


def searched(positions: list[int], mask: np.ndarray | None = None) -> Search:
    return Search(QUERY, VECTORS, mask, np.array(positions, np.int64))


def test_what_is_missing_of_the_best_is_missing_of_the_recall() -> None:
    best = BEST.tolist()
    assert recall(searched(best[:12])) == 1
    assert recall(searched([*best[:7], *best[50:53]])) == pytest.approx(0.7)
    assert recall(searched([*best[:5], *[-1] * 5])) == pytest.approx(0.5)
    assert recall(searched(best[100:110])) == 0


@given(st.sets(st.integers(0, 199), max_size=200), st.integers(1, 30))
def test_an_exact_index_finds_all_whatever_is_eligible(eligible: set[int], k: int) -> None:
    mask = np.zeros(200, bool)
    mask[list(eligible)] = True
    _, positions = FlatIndex(VECTORS).search(QUERY[None, :], k, Selector(mask))
    assert recall(searched(positions[0].tolist(), mask)) == 1


def test_of_equally_good_items_any_will_do() -> None:
    vectors = np.repeat(VECTORS[:1], 50, axis=0)
    assert recall(Search(QUERY, vectors, None, np.arange(40, 50))) == 1


def test_items_that_came_after_the_search_do_not_count() -> None:
    grown = np.concatenate([VECTORS, [QUERY * 100]]).astype(np.float32)
    search = Search(QUERY, grown, np.ones(200, bool), BEST[:10])
    assert recall(search) == 1
