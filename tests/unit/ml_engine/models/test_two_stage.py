from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit.ml_engine.retrieval.worlds import random_two_stage

from ml_engine.domain.interactions import Histories
from ml_engine.models.item_to_item import ItemRows
from ml_engine.models.two_stage import NAME, NetworkParameters, TwoStage, load, save
from ml_engine.models.two_stage.artifact import RE_RANKING
from ml_engine.models.two_stage.features import LEAST_SIMILARITY, NUMBER, features
from ml_engine.models.two_stage.learning import Examples, _gradient, _losses, learn
from ml_engine.models.two_stage.network import Network

ITEMS = 60


@pytest.fixture
def model() -> TwoStage:
    return random_two_stage(ITEMS, depth=20)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_features_by_hand(model: TwoStage) -> None:
    items, candidates = np.array([3, 9, 5, 7], np.int32), np.array([40, 9, 2])
    times = np.arange(4) * 86_400_000
    vector, weights = model.encode_user(items, times)
    weights[0] = 0.0
    found = features(model, model.neighbours, vector, weights, items, candidates)
    assert found.shape == (3, NUMBER)
    met = items[1:]
    own, histories = model.item_vectors, model.history_vectors
    parts = np.array(
        [
            [own[c, :3] @ vector[:3], own[c, 3:5] @ vector[3:5], own[c, 5] * vector[5]]
            for c in candidates
        ]
    )
    np.testing.assert_allclose(found[:, :3], parts, rtol=1e-4)
    totals = parts.sum(axis=1)
    for column, values in ((3, totals), (4, parts[:, 0]), (5, parts[:, 1])):
        places = [1 + sum(values > value) for value in values]
        np.testing.assert_allclose(found[:, column], np.log(places), rtol=1e-6)
    np.testing.assert_allclose(found[:, 6], np.log1p(3), rtol=1e-6)
    every = np.arange(ITEMS)
    similar = model.neighbours.at(every, every).T
    shares = weights[1:] / weights[1:].mean()
    together = similar[np.ix_(met, candidates)].T @ shares
    np.testing.assert_allclose(found[:, 7], np.log(together + LEAST_SIMILARITY), rtol=1e-4)
    for column, block in ((8, slice(0, 3)), (9, slice(3, 5))):
        for row, c in enumerate(candidates):
            near = [0.0 if j == c else cosine(histories[j, block], own[c, block]) for j in met]
            assert found[row, column] == pytest.approx(np.mean(near), abs=1e-5)


def test_a_user_of_whom_nothing_counts_has_features(model: TwoStage) -> None:
    none = np.zeros(0, np.int32)
    vector, weights = model.encode_user(none, none.astype(np.int64))
    found = features(model, model.neighbours, vector, weights, none, np.arange(5))
    assert np.isfinite(found).all()
    assert features(model, model.neighbours, vector, weights, none, none).shape == (0, NUMBER)


def test_items_that_came_later_are_known_by_their_vectors(model: TwoStage) -> None:
    rows = np.ones((1, model.dimensions), np.float32)
    more = model.with_vectors(
        np.vstack([model.item_vectors, rows]), np.vstack([model.history_vectors, rows])
    )
    items = np.array([ITEMS, 3], np.int32)
    vector, weights = more.encode_user(items, np.zeros(2, np.int64))
    found = features(more, more.neighbours, vector, weights, items, np.array([ITEMS, 4]))
    assert found[0, 7] == pytest.approx(np.log(LEAST_SIMILARITY))
    assert np.isfinite(found).all()


def examples(n: int = 400, k: int = 30, seed: int = 0) -> Examples:
    """The first score tells something, a product of two features tells more."""
    rng = np.random.default_rng(seed)
    found = rng.standard_normal((n, k, 4)).astype(np.float32)
    scores = rng.standard_normal((n, k)).astype(np.float32)
    worth = scores + 3 * np.maximum(found[..., 1], 0) - 2 * np.maximum(found[..., 2], 0)
    relevant = worth >= np.sort(worth, axis=1)[:, -3:-2]
    return Examples(found, scores, relevant)


def found_first(network: Network, of: Examples) -> float:
    corrected = of.scores + network.corrections(of.features)
    return float(np.take_along_axis(of.relevant, corrected.argsort(axis=1)[:, -3:], 1).mean())


def test_the_network_learns_what_the_scores_lack() -> None:
    network = learn(examples(), NetworkParameters(), seed=0)
    fresh = examples(seed=1)
    assert found_first(Network.silent(4), fresh) < 0.4
    assert found_first(network, fresh) > 0.9


def test_the_same_seed_learns_the_same_network() -> None:
    one, same = (learn(examples(50), NetworkParameters(epochs=2), seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.hidden, same.hidden)
    np.testing.assert_array_equal(one.output, same.output)


def test_what_is_no_candidate_says_nothing() -> None:
    real = examples(100)
    padded = Examples(
        np.pad(real.features, ((0, 0), (0, 5), (0, 0)), constant_values=1e6),
        np.pad(real.scores, ((0, 0), (0, 5)), constant_values=-np.inf),
        np.pad(real.relevant, ((0, 0), (0, 5))),
    )
    parameters = NetworkParameters(epochs=3)
    one, same = (learn(of, parameters, seed=0).corrections(real.features) for of in (real, padded))
    np.testing.assert_allclose(one, same, rtol=1e-2, atol=1e-2)


def test_nothing_is_corrected_where_nothing_is_to_be_learned() -> None:
    chance = examples()
    rng = np.random.default_rng(1)
    chances = np.exp(chance.scores) / np.exp(chance.scores).sum(axis=1, keepdims=True)
    relevant = np.zeros_like(chance.relevant)
    for user, own in enumerate(chances):
        relevant[user, rng.choice(len(own), p=own)] = True
    explained = Examples(chance.features, chance.scores, relevant)
    for n_users in (1, 2, 40, 400):
        few = explained.of(np.arange(n_users))
        assert not learn(few, NetworkParameters(), seed=0).corrections(few.features).any()
    untold = Examples(chance.features, chance.scores, np.zeros_like(chance.relevant))
    assert not learn(untold, NetworkParameters(), seed=0).corrections(chance.features).any()


def test_the_gradient_is_that_of_the_loss() -> None:
    few = examples(20, 10)
    of = Examples(few.features.astype(np.float64), few.scores.astype(np.float64), few.relevant)
    rng = np.random.default_rng(0)
    weights = rng.standard_normal(4 * 5 + 5 + 5)

    def network(values: np.ndarray) -> Network:
        return Network(values[:20].reshape(4, 5), values[20:25], values[25:])

    slope = _gradient(network(weights), of.features.reshape(-1, 4), of).ravel()
    for place in range(len(weights)):
        step = np.zeros(len(weights))
        step[place] = 1e-5
        after, before = (_losses(network(weights + one), of).mean() for one in (step, -step))
        assert slope[place] == pytest.approx((after - before) / 2e-5, abs=1e-6)


def test_only_the_first_candidates_change_places(model: TwoStage) -> None:
    histories = Histories.from_rows([[3, 9, 5], [], list(range(50))])
    scores = model.scores(histories)
    towers = random_two_stage(ITEMS, depth=20).encode_users(histories) @ model.item_vectors.T
    new = np.setdiff1d(np.arange(ITEMS), [3, 9, 5])
    first = new[np.argsort(-towers[0, new])]
    assert set(new[np.argsort(-scores[0, new])][:20]) == set(first[:20])
    assert list(new[np.argsort(-scores[0, new])][:20]) != list(first[:20])
    np.testing.assert_array_equal(new[np.argsort(-scores[0, new])][20:], first[20:])
    np.testing.assert_array_equal(scores[1], towers[1])
    assert np.isfinite(scores).all()


def test_stored_and_loaded_it_scores_the_same(model: TwoStage, tmp_path: Path) -> None:
    save(model, tmp_path)
    loaded = load(tmp_path)
    assert (loaded.name, loaded.depth) == (NAME, 20)
    histories = Histories.from_rows([[3, 9, 5], [7]])
    np.testing.assert_array_equal(loaded.scores(histories), model.scores(histories))


def test_files_of_two_models_are_refused(model: TwoStage, tmp_path: Path) -> None:
    save(replace(model, neighbours=ItemRows.empty(ITEMS - 1)), tmp_path)
    with pytest.raises(ValueError, match="different numbers of items"):
        load(tmp_path)
    (tmp_path / RE_RANKING).unlink()
    with pytest.raises(FileNotFoundError):
        load(tmp_path)
