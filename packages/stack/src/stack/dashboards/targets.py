"""The queries of panels: PromQL, LogQL and searches for traces."""

from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import loki, prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.loki import LokiQueryDirection
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from stack.dashboards.promql import quantile

PROMETHEUS: Final = DataSourceRef(type_val="prometheus", uid="prometheus")
LOKI: Final = DataSourceRef(type_val="loki", uid="loki")
JAEGER: Final = DataSourceRef(type_val="jaeger", uid="jaeger")


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression. `legend` may name labels, as in `{{job}}`.

    With `exemplars`, the samples that carry a trace are drawn as dots that lead to it.
    """

    expression: str
    legend: str = ""
    exemplars: bool = False


def latencies(metric: str, *matchers: str) -> tuple[Query, ...]:
    """p50, p95 and p99 of a histogram; the last with exemplars."""
    return (
        Query(quantile(0.5, metric, *matchers), "p50"),
        Query(quantile(0.95, metric, *matchers), "p95"),
        Query(quantile(0.99, metric, *matchers), "p99", exemplars=True),
    )


def over_time(query: Query, ref: str) -> prometheus.Dataquery:
    """The query at each step of the time shown."""
    return _promql(query, ref).range().exemplar(query.exemplars)


def at_present(query: Query, ref: str) -> prometheus.Dataquery:
    """The query at the end of the time shown."""
    return _promql(query, ref).instant()


def as_table(query: Query, ref: str) -> prometheus.Dataquery:
    """The query at the end of the time shown, a column for each label."""
    return at_present(query, ref).format(PromQueryFormat.TABLE)


def log_lines(expression: str) -> loki.Dataquery:
    """Lines, the newest first."""
    newest_first = LokiQueryDirection.BACKWARD
    return _logql(expression).direction(newest_first).max_lines(200).query_type("range")


def log_figures(expression: str, legend: str) -> loki.Dataquery:
    """A figure made of lines, at each step of the time shown."""
    return _logql(expression).legend_format(legend).query_type("range")


def log_totals(expression: str, legend: str) -> loki.Dataquery:
    """A figure made of lines, at the end of the time shown."""
    return _logql(expression).legend_format(legend).query_type("instant")


@dataclass(frozen=True, slots=True)
class TraceSearch(Builder[Dataquery], Dataquery):
    """A search of Jaeger, for which the SDK has no type.

    `minimum` is a duration such as `"250ms"`, `tags` are in logfmt, as in `error=true`.
    """

    service: str
    minimum: str = ""
    tags: str = ""

    def build(self) -> Dataquery:
        """Itself: there is nothing to fill in."""
        return self

    def to_json(self) -> dict[str, object]:
        """What Grafana's Jaeger data source reads."""
        search: dict[str, object] = {
            "datasource": JAEGER,
            "queryType": "search",
            "service": self.service,
            "limit": 20,
            "refId": "A",
        }
        optional = {"minDuration": self.minimum, "tags": self.tags}
        return search | {key: value for key, value in optional.items() if value}


def _promql(query: Query, ref: str) -> prometheus.Dataquery:
    legend = query.legend or "__auto"
    target = prometheus.Dataquery().datasource(PROMETHEUS).ref_id(ref)
    return target.expr(query.expression).legend_format(legend)


def _logql(expression: str) -> loki.Dataquery:
    return loki.Dataquery().datasource(LOKI).ref_id("A").expr(expression)
