"""The queries of panels are those that Grafana would send."""

import json
from pathlib import Path
from typing import Any

from stack.dashboards.queries import PanelQuery, Span, panel_queries, raw_queries


def dashboard(**target: Any) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "prometheus"}
    panel = {
        "title": "Requests",
        "targets": [{"refId": "A", "datasource": source, **target}],
        "fieldConfig": {"defaults": {"unit": "reqps"}},
    }
    tenant = {
        "name": "tenant",
        "allValue": ".*",
        "definition": 'label_values(up{job=~"a"}, tenant)',
    }
    return {
        "uid": "d",
        "panels": [{"title": "Row"}, panel],
        "annotations": {"list": [{"name": "Alerts", "expr": "ALERTS"}]},
        "templating": {"list": [tenant]},
    }


def queries(folder: Path, **target: Any) -> list[PanelQuery]:
    (folder / "d.json").write_text(json.dumps(dashboard(**target)))
    return list(panel_queries(Span(rate_interval="2m"), folder))


def test_variables_are_filled_in_as_when_all_is_chosen(tmp_path: Path) -> None:
    asked = queries(tmp_path, expr='rate(x{tenant=~"$tenant"}[$__rate_interval])')[0]
    assert asked.expression == 'rate(x{tenant=~".*"}[2m])'
    assert (asked.dashboard, asked.panel, asked.target) == ("d", "Requests", "A")
    assert (asked.language, asked.unit, asked.instant) == ("promql", "reqps", False)


def test_what_is_written_can_be_had_as_well(tmp_path: Path) -> None:
    queries(tmp_path, expr="x[$__range]")
    assert next(raw_queries(tmp_path)).expression == "x[$__range]"


def test_an_instant_query_is_told(tmp_path: Path) -> None:
    assert queries(tmp_path, expr="up", instant=True)[0].instant


def test_annotations_and_variables_are_queries_too(tmp_path: Path) -> None:
    _, mark, variable = queries(tmp_path, expr="up")
    assert (mark.panel, mark.expression) == ("annotation Alerts", "ALERTS")
    assert variable.panel == "variable tenant"
    assert variable.expression == 'count by (tenant) (up{job=~"a"})'


def test_a_search_for_traces_has_parameters(tmp_path: Path) -> None:
    jaeger = {"type": "jaeger", "uid": "jaeger"}
    asked = queries(tmp_path, datasource=jaeger, service="backend-api", minDuration="1s")[0]
    assert asked.language == "jaeger"
    assert asked.parameters == {"service": "backend-api", "minDuration": "1s"}
