"""Makes a dashboard of rows of panels, with what all dashboards share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    Panel,
    VariableModel,
)

from stack.dashboards import annotations, links, variables

FOLDER: Final = "Team Zeta"


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading; their widths fill lines of 24."""

    title: str
    panels: Sequence[Builder[Panel]]


@dataclass(frozen=True, slots=True)
class Page:
    """One dashboard. Its first row answers whether all is well."""

    uid: str
    title: str
    description: str
    tags: Sequence[str]
    rows: Sequence[Row]
    variables: Sequence[Builder[VariableModel]] = ()
    refresh: Literal["10s", "30s"] = "30s"
    since: str = "now-1h"


def build(page: Page) -> Dashboard:
    """The dashboard as Grafana's model of it."""
    dashboard = (
        builders.Dashboard(page.title)
        .uid(page.uid)
        .description(page.description)
        .tags([links.TAG, *page.tags])
        .refresh(page.refresh)
        .time(page.since, "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(links.all_boards())
        .annotation(annotations.alerts())
        .annotation(annotations.deployments())
    )
    for variable in (variables.tenant(), *page.variables):
        dashboard = dashboard.with_variable(variable)
    for row in page.rows:
        dashboard = dashboard.with_row(builders.Row(row.title))
        for panel in row.panels:
            dashboard = dashboard.with_panel(panel)
    return _numbered(dashboard.build())


def _numbered(dashboard: Dashboard) -> Dashboard:
    # Links to one panel of a provisioned dashboard hold only where its number is in the file.
    for number, panel in enumerate(dashboard.panels or (), start=1):
        panel.id_val = number
    return dashboard
