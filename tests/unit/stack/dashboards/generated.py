"""The dashboards as they are checked in, and what their queries name."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from instrumentation.catalogue import CATALOGUE
from stack.dashboards.queries import PanelQuery, raw_queries

ROOT: Final = Path(__file__).parents[4]
FOLDER: Final = ROOT / "observability" / "grafana" / "dashboards"
METRICS: Final = {metric.name: metric for metric in CATALOGUE}
_SELECTOR: Final = re.compile(r"([a-zA-Z_:][\w:]*)?\{([^}]*)\}")
_LABEL: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*[\"`]")


def dashboards() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each panel with its dashboard's uid, rows left out."""
    for dashboard in dashboards():
        for panel in dashboard["panels"]:
            if panel["type"] != "row":
                yield dashboard["uid"], panel


def promql() -> list[PanelQuery]:
    return [query for query in raw_queries(FOLDER) if query.language == "promql"]


def named(query: PanelQuery) -> str:
    return f"{query.dashboard}, {query.panel}, {query.target}: {query.expression}"


def family(series: str) -> str:
    """A histogram's name for one of its series, else the name itself."""
    bare = re.sub(r"_(bucket|count|sum)$", "", series)
    return bare if bare in METRICS and METRICS[bare].kind == "histogram" else series


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """The metrics that are asked for with matchers, and the labels these name."""
    for metric, matchers in _SELECTOR.findall(expression):
        yield metric, set(_LABEL.findall(matchers))
