"""Marks on every graph: alerts that fire, and models that begin to serve."""

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery

from stack.dashboards.promql import selector
from stack.dashboards.targets import PROMETHEUS


def alerts() -> AnnotationQuery:
    """While an alert that someone is told of fires."""
    firing = 'ALERTS{alertstate="firing", severity=~"critical|warning"}'
    return (
        _marks("Alerts", "red", f"max by (alertname, severity, service) ({firing}) > 0")
        .title_format("{{alertname}}")
        .text_format("{{severity}}, {{service}}")
        .tag_keys("severity,service")
    )


def deployments() -> AnnotationQuery:
    """When another model of a chosen tenant began to serve."""
    deployed = f"changes({selector('model_version_deployed')}[2m])"
    return (
        _marks("Model deployments", "blue", f"max by (tenant_id, model_name) ({deployed}) > 0")
        .title_format("New model for {{tenant_id}}")
        .text_format("{{model_name}}")
        .tag_keys("tenant_id")
    )


def _marks(name: str, colour: str, expression: str) -> AnnotationQuery:
    query = AnnotationQuery().name(name).datasource(PROMETHEUS).expr(expression).step("30s")
    return query.enable(enable=True).icon_color(colour)
