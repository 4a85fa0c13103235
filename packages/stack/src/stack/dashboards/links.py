"""Links from panels: to another dashboard, and to the page that says what to do."""

import re
from functools import cache
from typing import Final

from grafana_foundation_sdk.builders.dashboard import DashboardLink
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

from stack.places import OBSERVABILITY

TAG: Final = "zeta"
_ADDRESSES: Final = OBSERVABILITY / "alertmanager" / "templates" / "links.tmpl"
_REPOSITORY: Final = re.compile(r'{{ define "base\.repository" }}(.+?){{ end }}')


@cache
def repository() -> str:
    """Where the repository can be read: set in one place, for messages of alerts as for panels."""
    found = _REPOSITORY.search(_ADDRESSES.read_text())
    if found is None:
        raise ValueError(f"{_ADDRESSES} does not define base.repository")
    return found[1]


def kebab(alert: str) -> str:
    """An alert's name as its runbook's file has it: `HighLatencyP95` is high-latency-p95."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", alert).lower()


def runbook(alert: str) -> DashboardLink:
    """To the runbook of an alert that watches what the panel shows."""
    url = f"{repository()}/docs/runbooks/{kebab(alert)}.md"
    return (
        DashboardLink(f"Runbook: {alert}")
        .type(DashboardLinkType.LINK)
        .url(url)
        .target_blank(target_blank=True)
    )


def board(uid: str, title: str) -> DashboardLink:
    """To another dashboard, with the time and the variables that were chosen."""
    link = DashboardLink(title).type(DashboardLinkType.LINK).url(f"/d/{uid}")
    return link.include_vars(include_vars=True).keep_time(keep_time=True)


def all_boards() -> DashboardLink:
    """The list of all dashboards, at the head of each."""
    link = DashboardLink("Team Zeta").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    link = link.as_dropdown(as_dropdown=True).include_vars(include_vars=True)
    # By default the SDK hides it in the menu of controls.
    return link.keep_time(keep_time=True).placement("")
