"""The alert rules fire when they should, and only then; each is explained, and has a runbook."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.stack.stack_programs import output_of

from instrumentation.catalogue import CATALOGUE
from stack import program_metrics
from stack.promql import metric_names

ROOT: Final = Path(__file__).parents[2]
PROMETHEUS: Final = ROOT / "observability" / "prometheus"
RULES: Final = sorted((PROMETHEUS / "rules").glob("*.yml"))
TESTS: Final = sorted((PROMETHEUS / "tests").glob("*.yml"))
DASHBOARDS: Final = {
    *("system-health", "api-performance", "ml-engine-performance", "business-metrics"),
    *("recommendation-system-overview", "slo", "cost", "data-pipeline", "observability"),
}
NAMED: Final = {
    "critical": {
        *("ServiceDown", "HighErrorRate", "HighLatencyP95", "DatabaseDown", "RedisDown"),
        "MLEngineHighErrorRate",
    },
    "warning": {
        *("HighMemoryUsage", "HighCPUUsage", "DiskSpaceLow", "CacheHitRateLow"),
        *("ModelTrainingFailed", "HighRateLimitExceeded", "EmbeddingCacheStale"),
        *("DataPipelineProcessingLag", "ETLJobFailure"),
    },
    "info": {"PrometheusTargetDown"},
}
"""The alerts that the requirements name."""


def rules(path: Path) -> list[dict[str, Any]]:
    groups = yaml.safe_load(path.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts(path: Path) -> list[dict[str, Any]]:
    return [rule for rule in rules(path) if "alert" in rule]


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_rules_are_sound(path: Path) -> None:
    output_of("promtool", "check", "rules", "--lint=all", "--lint-fatal", str(path))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_rules_fire_as_they_should(path: Path) -> None:
    output_of("promtool", "test", "rules", str(path))


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_every_alert_is_explained(path: Path) -> None:
    for alert in alerts(path):
        name, annotations = alert["alert"], alert["annotations"]
        assert set(annotations) == {"summary", "description", "dashboard_url", "runbook_url"}, name
        assert annotations["dashboard_url"].removeprefix("/d/") in DASHBOARDS, name
        assert annotations["runbook_url"] == f"docs/runbooks/{kebab(name)}.md"
        runbook = (ROOT / annotations["runbook_url"]).read_text()
        assert runbook.startswith(f"# {name}\n"), name
        assert "\n## When it is over\n" in runbook, name
        assert alert["labels"]["severity"] in NAMED, name
        assert alert["labels"]["service"], name


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_every_alert_is_tried_both_ways(path: Path) -> None:
    groups = yaml.safe_load((PROMETHEUS / "tests" / path.name).read_text())["tests"]
    tried = [case for group in groups for case in group.get("alert_rule_test", ())]
    for name in {alert["alert"] for alert in alerts(path)}:
        outcomes = {bool(case["exp_alerts"]) for case in tried if case["alertname"] == name}
        # Nothing keeps the dead man's switch from firing.
        assert outcomes == ({True} if name == "Watchdog" else {True, False}), name


def test_the_alerts_that_were_asked_for_are_there() -> None:
    found = [alert for path in RULES for alert in alerts(path)]
    for severity, names in NAMED.items():
        there = {alert["alert"] for alert in found if alert["labels"]["severity"] == severity}
        assert names <= there


def test_every_runbook_is_of_an_alert() -> None:
    names = {kebab(alert["alert"]) for path in RULES for alert in alerts(path)}
    pages = ROOT / "docs" / "runbooks"
    assert {page.stem for page in pages.glob("*.md")} == names
    for page in pages.glob("*.md"):
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            assert (pages / link).is_file(), f"{page.name} links to {link}"


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_rules_ask_for_metrics_that_there_are(path: Path) -> None:
    recorded = {rule["record"] for one in RULES for rule in rules(one) if "record" in rule}
    for rule in rules(path):
        asked = metric_names(rule["expr"])
        unknown = asked - of_services() - program_metrics.ALL - recorded
        assert not unknown, f"{rule.get('alert') or rule['record']} asks for {sorted(unknown)}"


def test_runbooks_ask_for_metrics_of_services_that_there_are() -> None:
    prefixes = tuple({name.split("_")[0] + "_" for name in of_services()})
    known = of_services() | program_metrics.ALL
    for page in (ROOT / "docs" / "runbooks").glob("*.md"):
        for code in re.findall(r"`([^`]+)`", page.read_text()):
            for name in re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+(?=\{|\[)", code):
                if name.startswith(prefixes):
                    assert name in known, f"{page.name} asks for {name}"


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_no_rule_goes_by_a_label_that_prometheus_adds_outside(path: Path) -> None:
    for rule in rules(path):
        assert "environment" not in rule["expr"]


def of_services() -> frozenset[str]:
    names = {metric.name for metric in CATALOGUE if metric.kind != "histogram"}
    return frozenset(names).union(
        *(
            {f"{metric.name}{suffix}" for suffix in ("_bucket", "_count", "_sum")}
            for metric in CATALOGUE
            if metric.kind == "histogram"
        )
    )
