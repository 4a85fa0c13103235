"""Grafana finds its data sources and dashboards, and the ways between the three signals."""

from typing import Any

import yaml
from tests.unit.stack.dashboards.generated import ROOT

from stack.dashboards.board import FOLDER
from stack.promql import metric_names

PROVISIONING = ROOT / "observability" / "grafana" / "provisioning"


def sources() -> dict[str, dict[str, Any]]:
    text = (PROVISIONING / "datasources" / "datasources.yml").read_text()
    return {source["uid"]: source for source in yaml.safe_load(text)["datasources"]}


def test_three_sources_with_the_uids_that_dashboards_name() -> None:
    found = sources()
    assert {uid: source["type"] for uid, source in found.items()} == {
        "prometheus": "prometheus",
        "loki": "loki",
        "jaeger": "jaeger",
    }
    assert [uid for uid, source in found.items() if source.get("isDefault")] == ["prometheus"]
    assert not any(source["editable"] for source in found.values())


def test_an_exemplar_leads_to_its_trace() -> None:
    (way,) = sources()["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert way["name"] == "trace_id"
    assert way["datasourceUid"] == "jaeger"


def test_a_log_line_leads_to_its_trace() -> None:
    (way,) = sources()["loki"]["jsonData"]["derivedFields"]
    assert (way["matcherType"], way["matcherRegex"]) == ("label", "trace_id")
    assert way["datasourceUid"] == "jaeger"


def test_a_trace_leads_to_its_lines() -> None:
    way = sources()["jaeger"]["jsonData"]["tracesToLogsV2"]
    assert way["datasourceUid"] == "loki"
    assert way["customQuery"]
    assert way["query"] == '{service=~".+"} | trace_id="$${__trace.traceId}"'


def test_a_trace_leads_to_the_figures_of_its_span() -> None:
    way = sources()["jaeger"]["jsonData"]["tracesToMetrics"]
    assert way["datasourceUid"] == "prometheus"
    asked = {name for query in way["queries"] for name in metric_names(query["query"])}
    assert asked == {
        "traces_span_metrics_calls_total",
        "traces_span_metrics_duration_seconds_bucket",
    }


def test_dashboards_come_from_the_generated_files() -> None:
    text = (PROVISIONING / "dashboards" / "dashboards.yml").read_text()
    (provider,) = yaml.safe_load(text)["providers"]
    assert provider["folder"] == FOLDER
    assert provider["options"]["path"] == "/etc/grafana/dashboards"
    assert not provider["allowUiUpdates"]
