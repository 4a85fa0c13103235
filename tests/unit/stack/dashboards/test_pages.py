"""Each dashboard and each panel has what a reader needs."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from tests.unit.stack.dashboards.generated import FOLDER, ROOT, dashboards, panels

from stack.dashboards.__main__ import main
from stack.dashboards.links import kebab, repository

UIDS = {
    "system-health",
    "api-performance",
    "ml-engine-performance",
    "business-metrics",
    "recommendation-system-overview",
    "slo",
    "cost",
    "data-pipeline",
    "observability",
}
DATA_SOURCES = {"prometheus", "loki", "jaeger"}
BOARDS = pytest.mark.parametrize("board", dashboards(), ids=lambda board: board["uid"])


def test_the_checked_in_files_are_current() -> None:
    assert main(["--check", "--output", str(FOLDER)]) == 0


def test_a_file_that_differs_or_is_too_many_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--output", str(tmp_path)]) == 0
    (tmp_path / "cost.json").write_text("{}")
    (tmp_path / "old.json").write_text("{}")
    assert main(["--check", "--output", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "cost.json" in told
    assert "old.json" in told
    assert "slo.json" not in told
    main(["--output", str(tmp_path)])
    assert not (tmp_path / "old.json").exists()


def test_all_nine_are_there() -> None:
    assert {board["uid"] for board in dashboards()} == UIDS
    assert {path.stem for path in FOLDER.glob("*.json")} == UIDS


@BOARDS
def test_a_dashboard_can_be_found_and_chosen_in(board: dict[str, Any]) -> None:
    assert board["title"]
    assert board["description"]
    assert "zeta" in board["tags"]
    assert board["refresh"] in {"10s", "30s"}
    assert board["schemaVersion"] >= 36
    tenant = next(one for one in board["templating"]["list"] if one["name"] == "tenant")
    assert tenant["multi"]
    assert tenant["includeAll"]
    assert tenant["datasource"]["uid"] == "prometheus"


@BOARDS
def test_grafanas_own_model_reads_it_without_loss(board: dict[str, Any]) -> None:
    register_default_plugins()
    read = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
    # The model knows one place for links.
    links = [{**link, "placement": "inControlsMenu"} for link in board["links"]]
    assert read == {**board, "links": links}


@BOARDS
def test_marks_show_alerts_and_deployments(board: dict[str, Any]) -> None:
    names = {mark["name"] for mark in board["annotations"]["list"]}
    assert names == {"Alerts", "Model deployments"}


@BOARDS
def test_the_first_row_asks_whether_it_is_all_right(board: dict[str, Any]) -> None:
    assert board["panels"][0]["type"] == "row"
    assert board["panels"][0]["title"] == "Is it all right?"
    first = board["panels"][1]
    assert first["gridPos"]["y"] == 1
    assert first["type"] == "stat"


@BOARDS
def test_panels_fill_the_grid_without_overlap(board: dict[str, Any]) -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in board["panels"]:
        at = panel["gridPos"]
        assert at["w"] > 0
        assert at["h"] > 0
        assert 0 <= at["x"] <= 24 - at["w"], panel["title"]
        taken.update(
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        )
    assert set(taken.values()) == {1}, "panels overlap"
    last = max(y for _, y in taken)
    assert len(taken) == 24 * (last + 1), "the grid has holes"


@BOARDS
def test_panels_have_numbers_and_names_of_their_own(board: dict[str, Any]) -> None:
    shown = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    if board["uid"] != "slo":
        assert len({panel["title"] for panel in shown}) == len(shown)


def test_a_panel_says_what_it_shows() -> None:
    for uid, panel in panels():
        assert panel["title"], uid
        assert panel["description"].rstrip().endswith("."), panel["title"]
        assert panel["datasource"]["uid"] in DATA_SOURCES, panel["title"]
        assert panel["targets"], panel["title"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs), panel["title"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] in DATA_SOURCES, panel["title"]
            assert target.get("expr") or target.get("service"), panel["title"]
        if panel["type"] != "logs" and panel["datasource"]["uid"] != "jaeger":
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        if panel["type"] != "logs":
            assert panel["fieldConfig"]["defaults"]["noValue"], panel["title"]


def test_thresholds_begin_without_a_value_and_rise() -> None:
    for uid, panel in panels():
        defaults = panel.get("fieldConfig", {}).get("defaults", {})
        steps = defaults.get("thresholds", {}).get("steps", [])
        if steps:
            assert steps[0]["value"] is None, (uid, panel["title"])
            values = [step["value"] for step in steps[1:]]
            assert values == sorted(values), (uid, panel["title"])


def test_links_lead_somewhere() -> None:
    for uid, panel in panels():
        for link in panel.get("links") or ():
            target = link["url"]
            if target.startswith("/d/"):
                assert target.removeprefix("/d/") in UIDS - {uid}, (uid, panel["title"])
            else:
                page = target.removeprefix(f"{repository()}/")
                assert page.startswith("docs/runbooks/"), (panel["title"], target)
                assert (ROOT / page).is_file(), (panel["title"], page)


@pytest.mark.parametrize(
    ("alert", "page"),
    [
        ("ServiceDown", "service-down"),
        ("HighLatencyP95", "high-latency-p95"),
        ("HighCPUUsage", "high-cpu-usage"),
        ("MLEngineHighErrorRate", "ml-engine-high-error-rate"),
        ("ETLJobFailure", "etl-job-failure"),
        ("SLOErrorBudgetBurnFast", "slo-error-budget-burn-fast"),
    ],
    ids=lambda value: value,
)
def test_a_runbook_is_named_after_its_alert(alert: str, page: str) -> None:
    assert kebab(alert) == page
