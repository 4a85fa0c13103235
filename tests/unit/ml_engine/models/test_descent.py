from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from tests.unit.ml_engine.models.checkerboard import checkerboard, left_out_item

from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation.ranking import top_items
from ml_engine.models.two_tower import TwoTower, TwoTowerParameters, load, save, spectral
from ml_engine.models.two_tower.batches import Batch, draw_sample, inclusion
from ml_engine.models.two_tower.descent import learn, start
from ml_engine.models.two_tower.fit import assembled, fit, parts
from ml_engine.models.two_tower.loss import gradients
from ml_engine.models.two_tower.parameters import DescentParameters

DESCENT = DescentParameters(epochs=12, rank=4, users_per_batch=10)
GUIDED = replace(DESCENT, guide_rank=6)
LEARNED = TwoTowerParameters(similarity_rank=0, descent=DESCENT)
BLENDED = replace(LEARNED, similarity_rank=4)
WIDE = replace(BLENDED, spectral_rank=3, descent=GUIDED)
UNTIMED = checkerboard(timed=False)
MATRIX = UNTIMED.histories.to_csr(UNTIMED.n_items)


@pytest.fixture(scope="module", params=[LEARNED, BLENDED, WIDE], ids=["learned", "blended", "wide"])
def model(request: pytest.FixtureRequest) -> TwoTower:
    return fit(UNTIMED, request.param)


@pytest.mark.parametrize("table", [0, 1], ids=["history", "target"])
@pytest.mark.parametrize("parameters", [DESCENT, GUIDED], ids=["alone", "guided"])
def test_gradients_are_those_of_the_loss(parameters: DescentParameters, table: int):
    random = np.random.default_rng(0)
    n_items = 12
    batch = Batch.draw(MATRIX[:7], DESCENT, random)
    tables = (random.standard_normal((n_items, 3)), random.standard_normal((n_items, 3)))
    guide = (random.standard_normal((n_items, 5)), random.standard_normal((n_items, 5)))
    bias = random.standard_normal(n_items)
    sample = np.union1d(batch.answers, [0, 1, 2])
    log_chances = -random.random(len(sample))
    inputs = batch.inputs.toarray()
    answers = np.zeros_like(inputs)
    answers[batch.owners, batch.answers] = 1.0

    def chances(of_guide: float) -> np.ndarray:
        """Of the sample's items for each user, by the formulas."""
        sums, beside = inputs @ tables[0], inputs @ guide[0]
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        ratios = np.sqrt((lengths**2).mean() / (beside**2).sum(axis=1).mean()) / lengths
        scores = parameters.length * (sums / lengths) @ tables[1].T + bias
        scores += of_guide * parameters.length * (ratios * beside) @ guide[1].T
        scores[inputs > 0] = -np.inf
        scores = scores[:, sample] - np.where(answers[:, sample] > 0, 0.0, log_chances)
        exponentials = np.exp(scores)
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    wanted = answers[:, sample] / answers.sum(axis=1, keepdims=True)
    if parameters.guide_rank:
        advised = chances(parameters.guide_share)
        wanted = (1 - parameters.guidance) * wanted + parameters.guidance * advised
    by_user = answers.sum(axis=1) ** parameters.user_power

    def loss() -> float:
        logs = np.log(np.maximum(chances(0.0), 1e-300))
        return float((by_user * -(wanted * logs).sum(axis=1)).mean())

    found = gradients(batch, tables, guide, bias, sample, log_chances, parameters)
    numeric, analytic = np.zeros((2, n_items, 3))
    for place in np.ndindex(numeric.shape):
        tables[table][place] += 1e-5
        above = loss()
        tables[table][place] -= 2e-5
        numeric[place] = (above - loss()) / 2e-5
        tables[table][place] += 1e-5
    analytic[found.met if table == 0 else sample] = found.history if table == 0 else found.target
    np.testing.assert_allclose(analytic, numeric, atol=1e-5)


def test_the_missing_item_of_the_own_colour_comes_first(model: TwoTower):
    best = top_items(model.scores(UNTIMED.histories), UNTIMED.histories, 1)[:, 0]
    expected = np.array([left_out_item(user) for user in range(40)])
    assert (best == expected).mean() > 0.9


def test_a_descent_finds_what_its_start_does_not_know():
    random = np.random.default_rng(0)
    noise = random.standard_normal((2, UNTIMED.n_items, 4)).astype(np.float32)
    bias = np.zeros(UNTIMED.n_items, np.float32)

    def share_of_own_colour(history: np.ndarray, target: np.ndarray) -> float:
        scores = (MATRIX @ history) @ target.T
        best = top_items(scores, UNTIMED.histories, 1)[:, 0]
        return float((best == [left_out_item(user) for user in range(40)]).mean())

    nothing = (np.zeros((UNTIMED.n_items, 0), np.float32),) * 2
    longer = replace(DESCENT, epochs=30, travel=30.0)
    learned = learn(MATRIX, (noise[0], noise[1]), nothing, bias, longer)
    assert share_of_own_colour(*learned) > 0.9 > share_of_own_colour(noise[0], noise[1])


def test_the_same_data_and_seed_give_the_same_model():
    first, same = fit(UNTIMED, BLENDED), fit(UNTIMED, BLENDED)
    np.testing.assert_array_equal(first.item_vectors, same.item_vectors)
    np.testing.assert_array_equal(first.history_vectors, same.history_vectors)
    other = fit(UNTIMED, replace(BLENDED, descent=replace(DESCENT, seed=1)))
    assert not np.array_equal(first.item_vectors, other.item_vectors)


def test_a_blend_scores_as_the_sum_of_its_parts():
    trends, tables = parts(UNTIMED, BLENDED)
    blended = assembled(UNTIMED, trends, tables, BLENDED)
    learned = assembled(UNTIMED, trends, tables, LEARNED)
    similar = assembled(UNTIMED, trends, tables, TwoTowerParameters(similarity_gain=1.0))
    histories = UNTIMED.histories
    rest = blended.scores(histories) - learned.scores(histories)
    of_similar = similar.scores(histories) - similar.item_vectors[:, -1]
    # A user's whole vector is brought to length, so the parts' ratio is a user's own.
    ratios = (rest * of_similar).sum(axis=1) / (of_similar**2).sum(axis=1)
    np.testing.assert_allclose(rest, ratios[:, None] * of_similar, atol=1e-3)
    assert (ratios > 0).all()


def test_the_share_of_the_similar_part_is_that_of_its_length():
    users = fit(UNTIMED, replace(BLENDED, similarity_share=0.5)).encode_users(UNTIMED.histories)
    learned, similar = np.linalg.norm(users[:, :4], axis=1), np.linalg.norm(users[:, 4:-1], axis=1)
    np.testing.assert_allclose(learned, DESCENT.length, rtol=1e-4)
    assert (similar / learned).mean() == pytest.approx(0.5, rel=0.1)


def test_progress_is_heard_each_epoch():
    heard: list[float] = []
    fit(UNTIMED, LEARNED, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert len(heard) >= DESCENT.epochs + 3


def test_what_a_history_adds_up_to_has_the_length(model: TwoTower):
    histories = Histories.from_rows([[3], [5, 3, 1], list(range(12)), []])
    users = model.encode_users(histories)
    np.testing.assert_allclose(np.linalg.norm(users[:3, :4], axis=1), DESCENT.length, rtol=1e-4)
    assert not users[3, :-1].any()
    np.testing.assert_array_equal(users[:, -1], 1.0)


def test_one_user_is_encoded_as_in_a_batch_and_explained_exactly(model: TwoTower):
    histories = Histories.from_rows([[3], [5, 3, 1], []])
    batch = model.encode_users(histories)
    for user in range(3):
        items, times = histories.row(user)
        vector, weights = model.encode_user(items, times)
        np.testing.assert_allclose(vector, batch[user], atol=1e-5)
        parts = model.contributions(weights, items, range(12)).sum(axis=1)
        np.testing.assert_allclose(
            parts + model.item_vectors[:, -1], model.item_vectors @ vector, atol=1e-4
        )
        assert (weights >= 0).all()


def test_a_category_is_encoded_at_the_same_length(model: TwoTower):
    vector = model.encode_content(ItemContent(categories=("even",)))
    assert vector is not None
    assert np.linalg.norm(vector[:4]) == pytest.approx(DESCENT.length, rel=1e-4)


def test_a_saved_model_scores_alike(model: TwoTower, tmp_path):
    save(model, tmp_path)
    loaded = load(tmp_path)
    expected = model.scores(UNTIMED.histories)
    np.testing.assert_array_equal(loaded.scores(UNTIMED.histories), expected)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sets(st.integers(0, 9), max_size=10), min_size=1), st.integers(0, 99))
def test_a_part_of_each_history_is_left_out_and_a_part_kept(rows: list[set[int]], seed: int):
    histories = Histories.from_rows([sorted(row) for row in rows]).to_csr(10)
    batch = Batch.draw(histories, DESCENT, np.random.default_rng(seed))
    answers = csr_matrix(
        (np.ones(len(batch.answers)), (batch.owners, batch.answers)), shape=histories.shape
    )
    assert (batch.inputs + answers != histories).nnz == 0
    for row, kept, left_out in zip(
        rows, np.diff(batch.inputs.indptr), np.diff(answers.indptr), strict=True
    ):
        assert kept + left_out == len(row)
        if len(row) >= 2:
            assert kept >= 1
            assert 1 <= left_out <= max(1, round(DESCENT.most_left_out * len(row)))


def test_a_sample_has_all_answers_and_fits_its_chances():
    events = np.arange(100) * 3
    parameters = replace(DESCENT, sampled_items=30)
    chances = inclusion(events, parameters)
    assert chances.sum() == pytest.approx(30, abs=0.01)
    assert (np.diff(chances) >= 0).all()
    batch = Batch(csr_matrix((2, 100)), np.array([0, 1]), np.array([7, 99]))
    random = np.random.default_rng(0)
    taken = np.zeros(100)
    for _ in range(300):
        sample, log_chances = draw_sample(batch, events, chances, random)
        taken[sample] += 1
        assert {7, 99} <= set(sample)
        assert (log_chances <= 0).all()
    others = np.setdiff1d(np.arange(100), [7, 99])
    np.testing.assert_allclose(taken[others] / 300, chances[others], atol=0.12)


def test_small_catalogues_are_sampled_whole():
    np.testing.assert_array_equal(inclusion(np.array([0, 1, 5]), DESCENT), 1.0)


def test_the_spectrum_is_that_of_the_scaled_matrix():
    random = np.random.default_rng(0)
    matrix = csr_matrix((random.random((30, 20)) < 0.3).astype(np.float32))
    dense = matrix.toarray()
    by_user, by_item = dense.sum(axis=1) + 2, dense.sum(axis=0) + 2
    _, values, right = np.linalg.svd(dense / np.sqrt(by_user[:, None] * by_item))
    vectors, found = spectral.decomposition(matrix, 5, 2.0)
    np.testing.assert_allclose(found, values[:5], atol=1e-4)
    np.testing.assert_allclose(np.abs(vectors), np.abs(right[:5].T), atol=2e-3)


def test_the_low_pass_of_a_smaller_rank_is_its_first_dimensions():
    whole, part = spectral.low_pass(MATRIX, 4), spectral.low_pass(MATRIX, 2)
    for wide, narrow in zip(whole, part, strict=True):
        np.testing.assert_allclose(np.abs(wide[:, :2]), np.abs(narrow), atol=1e-3)


def test_the_spectrum_is_the_same_in_one_block_of_users_or_many(monkeypatch):
    def scores() -> np.ndarray:
        # Dimensions of the same singular value may turn in their plane, which changes no score.
        history, target = spectral.low_pass(MATRIX, 4)
        return (MATRIX @ history) @ target.T

    at_once = scores()
    monkeypatch.setattr(spectral, "USERS_AT_ONCE", 7)
    np.testing.assert_allclose(scores(), at_once, atol=1e-3)


def test_a_guide_brings_the_tables_nearer_to_what_it_ranks():
    """The guide knows pairs of items that no history has; only by it they can be learned."""
    pairs = np.eye(UNTIMED.n_items, dtype=np.float32)
    guide = (pairs, 3 * pairs[::-1].copy())
    bias = np.zeros(UNTIMED.n_items, np.float32)
    advice = MATRIX @ guide[0] @ guide[1].T

    def agreement(guidance: float) -> float:
        parameters = replace(GUIDED, guidance=guidance, guide_share=1.0, epochs=20)
        history, target = learn(MATRIX, start(MATRIX, parameters), guide, bias, parameters)
        return float(np.corrcoef(((MATRIX @ history) @ target.T).ravel(), advice.ravel())[0, 1])

    assert agreement(0.9) > agreement(0.0) + 0.2


def test_the_spectrum_has_its_share_of_a_user_vector():
    wider = replace(LEARNED, spectral_rank=3, spectral_share=0.5)
    users = fit(UNTIMED, wider).encode_users(UNTIMED.histories)
    assert users.shape[1] == 4 + 3 + 1
    learned, spectrum = np.linalg.norm(users[:, :4], axis=1), np.linalg.norm(users[:, 4:-1], axis=1)
    np.testing.assert_allclose(learned, DESCENT.length, rtol=1e-4)
    assert (spectrum / learned).mean() == pytest.approx(0.5, rel=0.1)


def test_popularity_counts_as_much_as_it_is_told():
    trends, tables = parts(UNTIMED, LEARNED)
    full = assembled(UNTIMED, trends, tables, LEARNED)
    half = assembled(UNTIMED, trends, tables, replace(LEARNED, popularity_weight=0.5))
    np.testing.assert_allclose(half.item_vectors[:, -1], full.item_vectors[:, -1] / 2, rtol=1e-6)
    np.testing.assert_array_equal(half.item_vectors[:, :-1], full.item_vectors[:, :-1])


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([[0, 0]], id="one item"),
        pytest.param([[0, 1]], id="one user"),
        pytest.param([[0, 0], [1, 1]], id="one item a user"),
        pytest.param([[0, 1], [1], []], id="an empty history"),
    ],
)
def test_tiny_data_works(rows: list[list[int]]):
    histories = Histories.from_rows(rows)
    dataset = Dataset(["a", "b", "c"], [ItemContent()] * 3, histories)
    model = fit(dataset, WIDE)
    assert np.isfinite(model.scores(histories)).all()
    assert np.isfinite(start(histories.to_csr(3), DESCENT)[0]).all()
