"""What a reader can choose at the head of a dashboard."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import (
    CustomVariable,
    QueryVariable,
)
from grafana_foundation_sdk.models.dashboard import (
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from stack.dashboards.promql import OF_CHOSEN_SERVICES, SERVICES
from stack.dashboards.targets import PROMETHEUS

_ALL: Final = VariableOption(selected=True, text="All", value="$__all")


def tenant() -> QueryVariable:
    """The tenants that have sent a request; what belongs to none is part of all."""
    return _chosen("tenant", "Tenant", "label_values(http_requests_total, tenant_id)").all_value(
        ".*"
    )


def service() -> CustomVariable:
    """Which of the three services."""
    return (
        CustomVariable("service")
        .label("Service")
        .values(SERVICES.replace("|", ","))
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(SERVICES)
        .current(_ALL)
    )


def instance() -> QueryVariable:
    """Which replicas of the chosen services."""
    return _chosen(
        "instance", "Instance", f"label_values(up{{{OF_CHOSEN_SERVICES}}}, instance)"
    ).all_value(".*")


def _chosen(name: str, label: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS)
        .query({"query": query, "refId": name})
        .definition(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .current(_ALL)
    )
