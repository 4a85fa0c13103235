"""Every query of every dashboard with its variables filled in, ready to be asked.

What a reader would see is asked for: `panel_queries()` reads the files that Grafana reads, fills
in the variables as Grafana does where "All" is chosen, and answers one `PanelQuery` for each
target of each panel, for each annotation and for each variable that has a query.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from stack.places import OBSERVABILITY

FOLDER: Final = OBSERVABILITY / "grafana" / "dashboards"
Language = Literal["promql", "logql", "jaeger"]
_LANGUAGES: Final[Mapping[str, Language]] = {
    "prometheus": "promql",
    "loki": "logql",
    "jaeger": "jaeger",
}
_LABEL_VALUES: Final = re.compile(r"label_values\((?P<metric>.+), *(?P<label>\w+)\)$")


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One query as Grafana would send it.

    `panel` is a panel's title, `annotation NAME` or `variable NAME`; `target` the query's letter
    in it. A search for traces has `parameters` of Jaeger's `/api/traces` and no expression.
    `unit` is that of the panel, "" for lines and traces.
    """

    dashboard: str
    panel: str
    target: str
    language: Language
    expression: str
    unit: str
    instant: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Span:
    """What Grafana takes from the time shown, as durations."""

    rate_interval: str = "1m"
    interval: str = "15s"
    shown: str = "1h"

    def values(self) -> dict[str, str]:
        """Grafana's own variables."""
        return {
            "__rate_interval": self.rate_interval,
            "__interval": self.interval,
            "__auto": self.rate_interval,
            "__range": self.shown,
        }


def panel_queries(span: Span | None = None, folder: Path = FOLDER) -> Iterator[PanelQuery]:
    """All queries of all dashboards in a folder."""
    for path in sorted(folder.glob("*.json")):
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        values = (span or Span()).values() | _chosen(dashboard)
        for query in _of_dashboard(dashboard):
            yield _filled(query, values)


def raw_queries(folder: Path = FOLDER) -> Iterator[PanelQuery]:
    """The same with their variables as they are written."""
    for path in sorted(folder.glob("*.json")):
        yield from _of_dashboard(json.loads(path.read_text(encoding="utf-8")))


def _of_dashboard(dashboard: Mapping[str, Any]) -> Iterator[PanelQuery]:
    uid = dashboard["uid"]
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield _of_target(uid, panel, target)
    for mark in dashboard["annotations"]["list"]:
        yield PanelQuery(uid, f"annotation {mark['name']}", "A", "promql", mark["expr"], "none")
    for variable in dashboard["templating"]["list"]:
        asked = _LABEL_VALUES.match(variable.get("definition", ""))
        if asked:
            metric, label = asked["metric"], asked["label"]
            expression = f"count by ({label}) ({metric})"
            name = f"variable {variable['name']}"
            yield PanelQuery(uid, name, "A", "promql", expression, "none", instant=True)


def _of_target(uid: str, panel: Mapping[str, Any], target: Mapping[str, Any]) -> PanelQuery:
    language = _LANGUAGES[target["datasource"]["type"]]
    unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "")
    instant = bool(target.get("instant")) or target.get("queryType") == "instant"
    asked = ("service", "minDuration", "tags", "limit")
    parameters = {name: str(target[name]) for name in asked if name in target}
    return PanelQuery(
        dashboard=uid,
        panel=panel["title"],
        target=target["refId"],
        language=language,
        expression=target.get("expr", ""),
        unit=unit,
        instant=instant,
        parameters=parameters if language == "jaeger" else {},
    )


def _chosen(dashboard: Mapping[str, Any]) -> dict[str, str]:
    return {one["name"]: one.get("allValue", ".*") for one in dashboard["templating"]["list"]}


def _filled(query: PanelQuery, values: Mapping[str, str]) -> PanelQuery:
    expression = re.sub(r"\$(\w+)", lambda found: values[found[1]], query.expression)
    return replace(query, expression=expression)
