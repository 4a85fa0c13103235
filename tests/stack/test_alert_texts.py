"""The texts of the messages, rendered by amtool as Alertmanager does."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from tests.stack.loopback_alertmanager import SOURCE
from tests.stack.stack_programs import output_of

ALERT: Final = {
    "status": "firing",
    "labels": {"alertname": "DiskSpaceLow", "service": "host", "severity": "warning"},
    "annotations": {
        "summary": "12 % of the disk is left",
        "description": "Nothing can be stored once it is full.",
        "dashboard_url": "/d/system-health",
        "runbook_url": "docs/runbooks/disk-space-low.md",
    },
    "startsAt": "2026-11-22T12:00:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "https://prometheus.internal/graph?g0.expr=up",
}
SECOND: Final = {
    **ALERT,
    "annotations": {**ALERT["annotations"], "summary": "3 % of another disk is left"},
}


def rendered(tmp_path: Path, template: str, *alerts: dict[str, Any]) -> str:
    labels = {**ALERT["labels"], **(alerts[0]["labels"])}
    data = {
        "status": "firing" if any(one["status"] == "firing" for one in alerts) else "resolved",
        "alerts": alerts,
        "commonLabels": labels,
        "groupLabels": {"alertname": labels["alertname"], "service": labels["service"]},
    }
    (tmp_path / "data.json").write_text(json.dumps(data))
    return output_of(
        "amtool",
        "template",
        "render",
        f"--template.glob={SOURCE / 'templates' / '*.tmpl'}",
        f"--template.data={tmp_path / 'data.json'}",
        f"--template.text={template}",
    ).rstrip("\n")


def test_slack_text(tmp_path: Path) -> None:
    assert rendered(tmp_path, '{{ template "slack.text" . }}', ALERT) == (
        "*12 % of the disk is left*\n"
        "Nothing can be stored once it is full.\n"
        "<http://localhost:3000/d/system-health?from=1795345200000&to=now|Dashboard>"
        " · <https://git.example.com/embedding-recommender/blob/main/docs/runbooks/disk-space-low.md|Runbook>"
        " · <http://localhost:9090/graph?g0.expr=up|Expression>"
        " · <http://localhost:9093/#/silences/new?filter=%7Balertname%3D%22DiskSpaceLow%22"
        "%2Cservice%3D%22host%22%2Cseverity%3D%22warning%22%7D|Silence>"
    )


TITLES: Final = {
    "firing": ([ALERT, SECOND], "[FIRING 2] host: DiskSpaceLow", "warning"),
    "critical": (
        [{**ALERT, "labels": {**ALERT["labels"], "severity": "critical"}}],
        "[FIRING 1] host: DiskSpaceLow",
        "danger",
    ),
    "resolved": ([{**ALERT, "status": "resolved"}], "[RESOLVED] host: DiskSpaceLow", "good"),
    "in-an-environment": (
        [{**ALERT, "labels": {**ALERT["labels"], "environment": "production"}}],
        "[FIRING 1] host: DiskSpaceLow in production",
        "warning",
    ),
}


@pytest.mark.parametrize(("alerts", "title", "color"), TITLES.values(), ids=TITLES)
def test_slack_title_and_color(
    tmp_path: Path, alerts: list[dict[str, Any]], title: str, color: str
) -> None:
    assert rendered(tmp_path, '{{ template "slack.title" . }}', *alerts) == title
    assert rendered(tmp_path, '{{ template "slack.color" . }}', *alerts) == color


def test_what_is_resolved_says_so(tmp_path: Path) -> None:
    text = rendered(tmp_path, '{{ template "slack.text" . }}', {**ALERT, "status": "resolved"})
    assert text.startswith("*12 % of the disk is left* (resolved)\n")


def test_pagerduty_names_what_still_fires(tmp_path: Path) -> None:
    text = rendered(
        tmp_path,
        '{{ template "pagerduty.description" . }}',
        {**ALERT, "status": "resolved"},
        SECOND,
    )
    assert text == "host: DiskSpaceLow: 3 % of another disk is left (one of 2)"


def test_pagerduty_details(tmp_path: Path) -> None:
    text = rendered(tmp_path, '{{ template "pagerduty.alerts" .Alerts.Firing }}', ALERT)
    assert text.splitlines()[:4] == [
        "12 % of the disk is left",
        "Nothing can be stored once it is full.",
        "Dashboard: http://localhost:3000/d/system-health?from=1795345200000&to=now",
        "Runbook: https://git.example.com/embedding-recommender/blob/main/docs/runbooks/disk-space-low.md",
    ]
