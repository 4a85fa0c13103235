"""What holds of every index, whatever its kind."""

import functools
from collections.abc import Generator

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.ml_engine.retrieval.taste_vectors import items_and_users

from ml_engine.retrieval import approximate_index
from ml_engine.retrieval.approximate_index import HNSW, IVF, ApproximateIndex, build
from ml_engine.retrieval.flat_index import FLAT, FlatIndex
from ml_engine.retrieval.index import VectorIndex
from ml_engine.retrieval.selector import Selector

ITEMS, USERS = items_and_users(3_000, 60)
EFFORT = {IVF: 8, HNSW: 64}
KINDS = (FLAT, IVF, HNSW)
APPROXIMATE = (IVF, HNSW)


@functools.cache
def codes(kind: str) -> approximate_index.Codes:
    return build(kind, ITEMS, EFFORT[kind])


def index_of(kind: str) -> VectorIndex:
    vectors = ITEMS.copy()
    return FlatIndex(vectors) if kind == FLAT else ApproximateIndex(codes(kind), vectors)


@pytest.fixture(autouse=True)
def _one_thread() -> Generator[None]:
    """Threads of FAISS that wait for each other on a busy machine take all of its time."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(threads)


@pytest.fixture(autouse=True)
def _search_the_codes_among_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approximate_index, "EXACT_AMONG", 5)


def recall(index: VectorIndex, mask: np.ndarray, k: int) -> float:
    """The share of the `k` best of the eligible that is found, mean of all users."""
    scores = np.where(mask, USERS @ index.vectors.T, -np.inf)
    best = np.argsort(-scores, axis=1)[:, :k]
    found = index.search(USERS, k, None if mask.all() else Selector(mask))[1]
    return np.mean(
        [len(set(a) & set(b)) / k for a, b in zip(best.tolist(), found.tolist(), strict=True)]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [1.0, 0.3, 0.02])
def test_the_best_are_found_whatever_share_is_eligible(kind: str, share: float) -> None:
    mask = np.random.default_rng(1).random(len(ITEMS)) < share
    assert recall(index_of(kind), mask, 10) >= (1.0 if kind == FLAT else 0.95)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(
    eligible=st.one_of(
        st.sets(st.integers(0, len(ITEMS) - 1), max_size=60),
        # All of one end of the table, and none of where the user stands.
        st.integers(0, len(ITEMS)).map(lambda end: set(range(end))),
    ),
    k=st.integers(1, 200),
    user=st.integers(0, len(USERS) - 1),
)
def test_an_answer_is_as_long_as_the_exact_one_and_all_of_it_eligible(
    kind: str, eligible: set[int], k: int, user: int
) -> None:
    mask = np.zeros(len(ITEMS), bool)
    mask[list(eligible)] = True
    scores, positions = index_of(kind).search(USERS[user : user + 1], k, Selector(mask))
    found = positions[0][positions[0] >= 0]
    assert len(found) == min(k, len(eligible))
    assert len(set(found.tolist())) == len(found)
    assert mask[found].all()
    assert positions.shape == scores.shape == (1, k)
    assert (positions[0][len(found) :] == -1).all()
    np.testing.assert_allclose(
        scores[0][: len(found)], ITEMS[found] @ USERS[user], rtol=1e-4, atol=1e-5
    )
    assert (np.diff(scores[0][: len(found)]) <= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_items_that_come_later_are_found_and_changed(kind: str) -> None:
    index, user = index_of(kind), USERS[:1]
    index.add(np.concatenate([ITEMS[:40] * 0.1, user * 100]))
    last = len(ITEMS) + 40
    assert len(index) == len(index.vectors) == last + 1
    assert index.search(user, 3)[1][0, 0] == last
    everything_but = np.ones(len(index), bool)
    everything_but[last] = False
    assert last not in index.search(user, 3, Selector(everything_but))[1]
    index.replace([last], -user * 100)
    assert last not in index.search(user, 3)[1]
    np.testing.assert_array_equal(index.vectors[last], -user[0] * 100)
    assert recall(index, np.ones(len(index), bool), 10) >= (1.0 if kind == FLAT else 0.95)


@pytest.mark.parametrize("kind", KINDS)
def test_users_together_have_the_answers_of_each_alone(kind: str) -> None:
    index = index_of(kind)
    together = index.search(USERS, 10)[1]
    alone = np.concatenate([index.search(user[None, :], 10)[1] for user in USERS])
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_equal_items_have_equal_scores_in_the_order_of_their_positions(kind: str) -> None:
    vectors = np.repeat(ITEMS[:300], 4, axis=0)
    index = ApproximateIndex(build(kind, vectors, 64), vectors)
    scores, positions = index.search(USERS[:1], 8)
    assert len(set(scores[0][:4].tolist())) == 1
    assert (np.diff(positions[0][:4]) > 0).all()


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_the_same_vectors_give_the_same_codes(kind: str) -> None:
    first, second = (faiss.serialize_index(build(kind, ITEMS[:500], 8).index) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_what_has_codes_does_not_change(kind: str) -> None:
    with pytest.raises(ValueError, match="stay as they were built"):
        index_of(kind).replace([0], ITEMS[:1])
