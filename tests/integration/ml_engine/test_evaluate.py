"""The command that evaluates a file of events, or a stored model."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.ml_engine.conftest import TENANT, Place
from tests.integration.ml_engine.written_snapshot import write_snapshot

from backends.locations import objects_url
from ml_engine.evaluate import main

LATER = datetime(2100, 1, 1, tzinfo=UTC)


def reported(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    main(arguments)
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """30 users, who each met seven of ten items."""
    lines = [
        json.dumps({"user_id": f"u{u}", "item_id": f"i{(u + n) % 10}", "timestamp": 60 * (u + n)})
        for u in range(30)
        for n in range(7)
    ]
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(lines))
    return path


def test_a_file_of_events_is_trained_on_and_evaluated(
    events: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = reported(capsys, "events", str(events), "--split", "leave-one-out", "-k", "3")
    assert [model["model"] for model in report["models"]] == ["two-tower", "ease", "popularity"]
    assert report["n_users"] == 30
    assert report["protocol"].startswith("the last event of each user")
    assert "ndcg_at_3" in report["models"][0]["metrics"]


def test_a_csv_file_is_met_by_another_and_by_sampled_items(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, held_out, items = (tmp_path / f"{name}.csv" for name in ("train", "held", "items"))
    rows = [f"{u},{(u + n) % 10}" for u in range(12) for n in range(4)]
    train.write_text("\n".join(["user_id,item_id", *rows]))
    held_out.write_text("user_id,item_id\n0,5\n1,99\nnew,3\n")
    items.write_text("item_id,title,categories\n3,Three,a|b\n5,Five,a\n")
    arguments = ("--held-out", str(held_out), "--items", str(items), "--negatives", "2")
    report = reported(capsys, "events", str(train), *arguments)
    # Nobody could know item 99.
    assert report["n_users"] == 2
    assert "against 2 sampled items" in report["protocol"]
    assert "miscalibration_at_10" in report["models"][0]["metrics"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "cannot be read"),
        ("lacking.csv", "user_id\n1\n", "has no column item_id"),
        ("odd.csv", "user_id,item_id,timestamp\n1,2,soon\n", "timestamp is not timestamp"),
        ("small.csv", "user_id,item_id\n1,2\n", "not enough data"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(
    name: str, content: str | None, words: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(SystemExit) as ended:
        main(("events", str(path)))
    assert str(ended.value).startswith("nothing was evaluated: ")
    assert words in str(ended.value)


def test_a_stored_model_is_asked_for_what_happened_since(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(place.data_dir))
    (version,) = [
        folder.name for folder in (place.data_dir / "objects" / "models" / TENANT).iterdir()
    ]
    first = place.sample.events[0]
    newer = [
        {
            "user_id": user,
            "item_id": item.item_id,
            "event_type": "rating",
            "timestamp": LATER + timedelta(seconds=n),
            "value": 1.0,
        }
        for n, item in enumerate(place.sample.items[:20])
        for user in (first.user_id, "new")
    ]
    items = [item.model_dump() for item in place.sample.items]
    since = asyncio.run(write_snapshot(objects_url(place.data_dir), TENANT, newer, items))
    report = reported(capsys, "model", TENANT, version, "--since", since)
    assert [model["model"] for model in report["models"]] == ["two-tower", "popularity"]
    assert report["n_users"] == 2
    assert report["models"][0]["segments"]["new_users"]["n_users"] >= 1
    with pytest.raises(SystemExit, match="no snapshot"):
        main(("model", TENANT, version, "--since", "0" * 16))
    with pytest.raises(SystemExit, match="no model"):
        main(("model", TENANT, "never", "--since", since))
