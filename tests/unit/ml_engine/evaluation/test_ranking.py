from dataclasses import dataclass, replace

import numpy as np

from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation.ranking import rank, top_items
from ml_engine.evaluation.report import evaluate
from ml_engine.evaluation.splits import Split


@dataclass(frozen=True)
class Fixed:
    row: tuple[float, ...]
    name: str = "fixed"

    def scores(self, histories: Histories) -> np.ndarray:
        return np.tile(np.array(self.row, np.float32), (histories.n_users, 1))


def _split() -> Split:
    train = Dataset(list("abcd"), [ItemContent()] * 4, Histories.from_rows([[0], [3], [1]]))
    return Split(train, Histories.from_rows([[2], [1, 2], []]), "by hand")


def test_seen_items_are_left_out_and_hits_found():
    ranking = rank(Fixed((9, 5, 4, 1)), _split(), k=2)
    assert ranking.hits.tolist() == [[False, True], [False, True]]
    assert ranking.items.tolist() == [[1, 2], [0, 1]]
    assert ranking.n_relevant.tolist() == [1, 2]


def test_sampled_items_are_ranked_with_the_held_out_ones_alone():
    split = replace(_split(), negatives=Histories.from_rows([[3], [3], [0, 2, 3]]))
    ranking = rank(Fixed((9, 5, 4, 1)), split, k=3)
    # The second user has met item 3, the third has nothing held out.
    assert ranking.items.tolist() == [[2, 3, -1], [1, 2, -1]]
    assert ranking.hits.tolist() == [[True, False, False], [True, True, False]]


def test_ties_go_to_the_lower_item():
    top = top_items(np.array([[1.0, 2, 1, 1, 2]]), Histories.from_rows([[1]]), 3)
    assert top.tolist() == [[4, 0, 2]]


def test_a_user_who_has_seen_nearly_all_gets_fewer():
    top = top_items(np.array([[1.0, 2, 3]]), Histories.from_rows([[1, 2]]), 3)
    assert top.tolist() == [[0, -1, -1]]


def test_a_report_names_each_metric_with_its_interval():
    report = evaluate([Fixed((9, 5, 4, 1))], _split(), k=2, seed=0).to_json()
    assert report["n_users"] == 2
    assert report["protocol"].startswith("by hand; full ranking")
    metrics = report["models"][0]["metrics"]
    accuracy = ("ndcg", "map", "precision", "recall", "hit_rate", "mrr")
    beyond = ("coverage", "novelty", "popularity_bias", "diversity")
    assert set(metrics) == {f"{name}_at_2" for name in (*accuracy, *beyond)}
    assert metrics["coverage_at_2"] == {"mean": 0.75, "low": 0.75, "high": 0.75}
    assert metrics["recall_at_2"]["mean"] == 0.75
    assert metrics["recall_at_2"]["low"] <= 0.75 <= metrics["recall_at_2"]["high"]
    segments = report["models"][0]["segments"]
    # All are new users, and no item is rarer than another but the one of nobody.
    assert segments["new_users"]["n_users"] == 2
    assert set(segments["new_users"]["metrics"]) == {f"{name}_at_2" for name in accuracy}
    assert segments["long_tail"]["n_users"] == 2


def test_items_with_categories_are_judged_by_them():
    split = _split()
    contents = [ItemContent(categories=("drama",))] * 4
    split = replace(split, train=replace(split.train, contents=contents))
    report = evaluate([Fixed((9, 5, 4, 1))], split, k=2, seed=0)
    assert report.models[0].metrics["miscalibration_at_2"].mean == 0
