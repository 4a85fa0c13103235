"""How far the features are behind that serving knows of: panels of each page that shows it."""

from grafana_foundation_sdk.builders import stat as stat_panel
from grafana_foundation_sdk.builders import timeseries

from stack.dashboards import units
from stack.dashboards.levels import rising
from stack.dashboards.panels import graph, stat
from stack.dashboards.promql import aggregated
from stack.dashboards.targets import Query

_FRESHNESS = "feature_freshness_seconds"


def behind() -> stat_panel.Panel:
    """The worst of all kinds, at present."""
    return stat(
        "Features behind",
        "Age of the oldest record that serving does not know yet.",
        units.SECONDS,
        Query(aggregated("max", _FRESHNESS)),
    ).thresholds(rising(60, 300))


def behind_by_kind() -> timeseries.Panel:
    """Each kind over time."""
    return graph(
        "Features behind by kind",
        "Age of the oldest record that serving does not know yet, by kind.",
        units.SECONDS,
        Query(aggregated("max", _FRESHNESS, by="feature_type"), "{{feature_type}}"),
    ).thresholds(rising(60, 300))
