"""The kinds of panels, each with the looks that all of its kind share.

Each function answers the SDK's builder, so that a dashboard changes one panel by chaining:
`stat(...).thresholds(rising(0.01, 0.05)).span(6)`. A description says what the panel shows, and
what is bad.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    piechart,
    statetimeline,
    timeseries,
)
from grafana_foundation_sdk.builders import logs as logs_panel
from grafana_foundation_sdk.builders import (
    stat as stat_panel,
)
from grafana_foundation_sdk.builders import (
    table as table_panel,
)
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    LogsDedupStrategy,
    LogsSortOrder,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
)
from grafana_foundation_sdk.models.piechart import PieChartLabels, PieChartType

from stack.dashboards import levels
from stack.dashboards.targets import (
    JAEGER,
    LOKI,
    PROMETHEUS,
    Query,
    TraceSearch,
    as_table,
    at_present,
    log_figures,
    log_lines,
    log_totals,
    over_time,
)

WIDTH: Final = 24
_Item = TypeVar("_Item")
_REFS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def stat(title: str, description: str, unit: str, *queries: Query) -> stat_panel.Panel:
    """One figure of the present, or a few, on the colour of its threshold."""
    panel = stat_panel.Panel().title(title).description(description).datasource(PROMETHEUS)
    panel = panel.targets([at_present(query, ref) for ref, query in _with_refs(queries)])
    panel = panel.unit(unit).span(4).height(4).thresholds(levels.plain()).no_value("No data")
    return (
        panel.graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.BACKGROUND)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def graph(title: str, description: str, unit: str, *queries: Query) -> timeseries.Panel:
    """Lines over time."""
    panel = timeseries.Panel().title(title).description(description).datasource(PROMETHEUS)
    panel = panel.targets([over_time(query, ref) for ref, query in _with_refs(queries)])
    return _as_graph(panel.unit(unit))


def stacked(title: str, description: str, unit: str, *queries: Query) -> timeseries.Panel:
    """Parts of a whole over time."""
    panel = graph(title, description, unit, *queries).fill_opacity(40)
    return panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))


def log_graph(
    title: str, description: str, unit: str, expression: str, legend: str
) -> timeseries.Panel:
    """Lines over time, of a figure made of log lines."""
    panel = timeseries.Panel().title(title).description(description).datasource(LOKI)
    return _as_graph(panel.unit(unit).with_target(log_figures(expression, legend)))


def states(title: str, description: str, query: Query) -> statetimeline.Panel:
    """Which state each series was in over time; `mappings` names the states."""
    panel = statetimeline.Panel().title(title).description(description).datasource(PROMETHEUS)
    panel = panel.with_target(over_time(query, "A")).unit("none").no_value("No data")
    panel = panel.span(12).height(8).mappings(levels.up_or_down()).thresholds(levels.plain())
    return panel.show_value(VisibilityMode.NEVER).row_height(0.8).fill_opacity(80)


def ranking(title: str, description: str, unit: str, *queries: Query) -> bargauge.Panel:
    """Bars, the longest first; for `topk` and what has few series."""
    panel = _bars(title, description, unit).datasource(PROMETHEUS)
    return panel.targets([at_present(query, ref) for ref, query in _with_refs(queries)])


def log_ranking(
    title: str, description: str, unit: str, expression: str, legend: str
) -> bargauge.Panel:
    """Bars of totals made of log lines."""
    panel = _bars(title, description, unit).datasource(LOKI)
    return panel.with_target(log_totals(expression, legend))


def shares(title: str, description: str, unit: str, query: Query) -> piechart.Panel:
    """Parts of a whole, at present."""
    panel = piechart.Panel().title(title).description(description).datasource(PROMETHEUS)
    panel = panel.with_target(at_present(query, "A")).unit(unit).span(8).height(8)
    legend = piechart.PieChartLegendOptions().show_legend(show_legend=True)
    legend = legend.placement(LegendPlacement.RIGHT).display_mode(LegendDisplayMode.LIST)
    panel = panel.pie_type(PieChartType.DONUT).display_labels([PieChartLabels.PERCENT])
    return panel.legend(legend).no_value("No data")


def table(
    title: str,
    description: str,
    columns: Mapping[str, tuple[str, str]],
    labels: Mapping[str, str],
) -> table_panel.Panel:
    """A row for each set of labels, a column for each query.

    `columns` are headers with expression and unit, `labels` the headers of the labels. All
    expressions keep exactly these labels.
    """
    panel = table_panel.Panel().title(title).description(description).datasource(PROMETHEUS)
    values: dict[str, str] = {}
    for ref, (header, (expression, unit)) in _with_refs(columns.items()):
        panel = panel.with_target(as_table(Query(expression), ref))
        panel = panel.override_by_name(header, [DynamicConfigValue("unit", unit)])
        values[f"Value #{ref}" if len(columns) > 1 else "Value"] = header
    order = [*labels, *values]
    arranged = {
        "excludeByName": {"Time": True},
        "indexByName": {name: index for index, name in enumerate(order)},
        "renameByName": {**labels, **values},
    }
    panel = panel.with_transformation(DataTransformerConfig("merge", options={}))
    panel = panel.with_transformation(DataTransformerConfig("organize", options=arranged))
    return panel.span(12).height(8).unit("short").filterable(filterable=True).no_value("None")


def logs(title: str, description: str, expression: str) -> logs_panel.Panel:
    """Log lines; one that has a trace leads to it."""
    panel = logs_panel.Panel().title(title).description(description).datasource(LOKI)
    panel = panel.with_target(log_lines(expression)).span(WIDTH).height(9)
    panel = panel.show_time(show_time=True).wrap_log_message(wrap_log_message=True)
    panel = panel.enable_log_details(enable_log_details=True)
    return panel.sort_order(LogsSortOrder.DESCENDING).dedup_strategy(LogsDedupStrategy.NONE)


def traces(title: str, description: str, search: TraceSearch) -> table_panel.Panel:
    """Traces that Jaeger finds; each leads to its spans."""
    panel = table_panel.Panel().title(title).description(description).datasource(JAEGER)
    return panel.with_target(search).span(12).height(9).no_value("No such trace")


def _with_refs(items: Iterable[_Item]) -> Iterable[tuple[str, _Item]]:
    return zip(_REFS, items, strict=False)


def _as_graph(panel: timeseries.Panel) -> timeseries.Panel:
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST)
    legend = legend.placement(LegendPlacement.BOTTOM).show_legend(show_legend=True)
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI)
    panel = panel.legend(legend).tooltip(tooltip.sort(SortOrder.DESCENDING))
    panel = panel.span(8).height(8).no_value("No data").line_width(1).fill_opacity(8)
    panel = panel.show_points(VisibilityMode.NEVER).axis_soft_min(0)
    thresholds = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
    palette = FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC)
    return panel.color_scheme(palette).thresholds_style(thresholds)


def _bars(title: str, description: str, unit: str) -> bargauge.Panel:
    panel = bargauge.Panel().title(title).description(description).unit(unit).min(0)
    panel = panel.orientation(VizOrientation.HORIZONTAL).thresholds(levels.plain())
    panel = panel.display_mode(BarGaugeDisplayMode.GRADIENT).no_value("No data")
    return panel.span(8).height(8)
