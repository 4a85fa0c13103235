"""Catalogues as nobody expects them: a model that works, or a refusal that says what is missing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from backends.stages import StageClock
from contracts.training import ModelType
from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Histories
from ml_engine.retrieval.artifact import load_serving_model
from ml_engine.training.checkpoints import Checkpoints
from ml_engine.training.model_kinds import KINDS
from ml_engine.training.training import train

START = datetime(2026, 1, 1, tzinfo=UTC)
HUGE = "i" * 200_000
Pairs = Sequence[tuple[str, str]]


def trained(
    pairs: Pairs,
    folder: Path,
    catalogue: Sequence[str] = (),
    model_type: ModelType = ModelType.TWO_TOWER,
) -> dict[str, float]:
    """NDCG@10 by model, of a model that loads and scores every item."""
    times = [START + timedelta(minutes=n) for n in range(len(pairs))]
    events = pa.table(
        {
            "user_id": pa.array([user for user, _ in pairs], pa.string()),
            "item_id": pa.array([item for _, item in pairs], pa.string()),
            "event_type": pa.array(["view"] * len(pairs), pa.string()),
            "timestamp": pa.array(times, pa.timestamp("ms", tz="UTC")),
        }
    )
    items = pa.table(
        {
            "item_id": pa.array(catalogue, pa.string()),
            "title": pa.array([None] * len(catalogue), pa.string()),
            "categories": pa.array([[]] * len(catalogue), pa.list_(pa.string())),
            "year": pa.array([None] * len(catalogue), pa.int64()),
        }
    )
    _, _, report = train(
        events,
        items,
        {},
        model_type,
        0,
        folder,
        StageClock(),
        lambda *_: None,
        Checkpoints.in_memory(),
    )
    served = load_serving_model(folder, "v1").personal
    assert served is not None
    n_items = len({*catalogue, *(item for _, item in pairs)})
    scores = served.model.scores(Histories.from_rows([[0], []]))
    assert scores.shape == (2, n_items)
    assert np.isfinite(scores).all()
    means = {entry["model"]: entry["metrics"]["ndcg_at_10"]["mean"] for entry in report["models"]}
    assert all(np.isfinite(mean) for mean in means.values())
    return means


def each(users: int, items: Sequence[str]) -> Pairs:
    return [(f"u{user}", item) for user in range(users) for item in items]


ODD = pytest.mark.parametrize(
    ("pairs", "catalogue"),
    [
        pytest.param(each(6, ["a", "b", "c"]), [], id="constant: all users met the same"),
        pytest.param(each(1, list("abcdefgh")), [], id="single user"),
        pytest.param([*each(3, ["a", "b"]) * 5, ("u0", "c")], [], id="nearly all duplicates"),
        pytest.param(each(6, [HUGE, f"{HUGE}2", "\u0000\u202e😀"]), [], id="huge and odd ids"),
        pytest.param(
            each(3, ["a", "b", "c"]), [f"i{n}" for n in range(500)], id="most items unmet"
        ),
    ],
)


@ODD
def test_an_odd_catalogue_gives_a_working_model(
    pairs: Pairs, catalogue: Sequence[str], tmp_path: Path
) -> None:
    assert set(trained(pairs, tmp_path, catalogue)) == {"two-tower", "ease", "popularity"}


@pytest.mark.slow
@ODD
def test_of_an_odd_catalogue_every_kind_is_made(
    pairs: Pairs, catalogue: Sequence[str], tmp_path: Path
) -> None:
    assert set(trained(pairs, tmp_path, catalogue, ModelType.AUTO)) == set(KINDS)


@pytest.mark.parametrize(
    ("pairs", "catalogue", "missing"),
    [
        pytest.param([], [], "an event", id="empty"),
        pytest.param([], ["a", "b"], "an event", id="items and no events"),
        pytest.param([("u", "a")], [], "two or more events", id="one event"),
        pytest.param(each(9, ["a"]), [], "two or more events", id="single item"),
        pytest.param(each(9, ["a", "b"]), [], "three or more events", id="two events each"),
        pytest.param([("u", "a")] * 20, [], "new to them", id="one pair again and again"),
        pytest.param(each(5, ["a"]) * 9, ["a", "b"], "new to them", id="all duplicates"),
    ],
)
def test_what_no_model_can_be_made_of_is_refused_in_words(
    pairs: Pairs, catalogue: Sequence[str], missing: str, tmp_path: Path
) -> None:
    with pytest.raises(NotEnoughData, match=f"^not enough data: .*{missing}"):
        trained(pairs, tmp_path, catalogue)
