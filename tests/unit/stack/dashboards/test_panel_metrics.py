"""Panels ask for metrics that there are, by labels that they have, in ways that make sense."""

import re

import pytest
import yaml
from tests.unit.stack.dashboards.generated import (
    METRICS,
    ROOT,
    family,
    named,
    promql,
    selectors,
)

from stack import program_metrics
from stack.dashboards.queries import panel_queries
from stack.promql import metric_names
from stack.slo import load_spec, records

# Metrics of the catalogue that neither a dashboard nor a rule asks for, each with the reason.
UNUSED: dict[str, str] = {}
OF_THE_TARGET = {"job", "instance", "le"}
OF_SLO_RULES = {"slo", "service"}


def recorded() -> set[str]:
    """What the SLO's rules record."""
    spec = load_spec(ROOT / "observability" / "slo" / "slo.yml")
    windows = (*records.WINDOWS, spec.window)
    names = (records.GOOD, records.TOTAL, records.OBJECTIVE, records.ERROR_BUDGET)
    budgets = (records.CURRENT_BURN_RATE, records.PERIOD_BURN_RATE, records.ERROR_BUDGET_REMAINING)
    return {*names, *budgets, *(records.error_ratio(window) for window in windows)}


def test_every_metric_that_a_panel_names_exists() -> None:
    known = METRICS.keys() | program_metrics.ALL | recorded()
    missing = {
        name: query.panel
        for query in promql()
        for name in metric_names(query.expression)
        if family(name) not in known
    }
    assert not missing


def test_no_metric_of_a_program_is_listed_for_nothing() -> None:
    asked = {name for query in promql() for name in metric_names(query.expression)}
    for path in (ROOT / "observability" / "prometheus" / "rules").glob("*.yml"):
        asked |= metrics_of_rules(path.read_text())
    assert asked >= program_metrics.ALL


def test_every_metric_of_the_catalogue_is_used_or_listed_as_unused() -> None:
    asked = {name for query in promql() for name in metric_names(query.expression)}
    for path in (ROOT / "observability" / "prometheus" / "rules").glob("*.yml"):
        asked |= metrics_of_rules(path.read_text())
    used = {family(name) for name in asked}
    assert METRICS.keys() - used == UNUSED.keys()


def test_panels_match_by_labels_that_the_metric_has() -> None:
    for query in promql():
        for series, labels in selectors(query.expression):
            metric = METRICS.get(family(series))
            if metric is not None:
                assert labels <= {*metric.labels, *OF_THE_TARGET}, named(query)


def test_panels_group_by_labels_that_the_metrics_have() -> None:
    for query in promql():
        asked = {family(name) for name in metric_names(query.expression)}
        if not asked or not asked <= METRICS.keys():
            continue
        there = OF_THE_TARGET.union(*(METRICS[name].labels for name in asked))
        for listed in re.findall(r"\bby \(([^)]*)\)", query.expression):
            assert {label.strip() for label in listed.split(",")} <= there, named(query)


def test_vectors_are_joined_by_labels_that_both_have() -> None:
    for query in promql():
        for listed in re.findall(r"\bon \(([^)]*)\)", query.expression):
            labels = {label.strip() for label in listed.split(",")} - {""}
            assert labels <= OF_SLO_RULES | OF_THE_TARGET, named(query)


def test_what_belongs_to_tenants_is_limited_to_those_that_were_chosen() -> None:
    for query in promql():
        if query.panel == "variable tenant":
            continue
        # A price is that of all tenants, whichever are chosen.
        expression = re.sub(r"scalar\(.*\)$", "", query.expression)
        for name in metric_names(expression):
            metric = METRICS.get(family(name))
            if metric is not None and "tenant_id" in metric.labels:
                asked = re.findall(rf"\b{name}\b(\{{[^}}]*\}})?", expression)
                assert all('tenant_id=~"$tenant"' in one for one in asked), named(query)


def test_counters_are_read_as_rates_alone() -> None:
    counters = {name for name, metric in METRICS.items() if metric.kind == "counter"}
    for query in promql():
        if query.panel.startswith("variable"):
            continue
        for name in metric_names(query.expression):
            if name in counters or name.endswith("_bucket"):
                plain = re.findall(rf"(?<!rate\()(?<!increase\()\b{name}\b", query.expression)
                assert not plain, named(query)


def test_rates_follow_the_scrape_interval() -> None:
    for query in promql():
        for window in re.findall(r"\brate\([^()]*?[\w}]\[([^\]]+)\]", query.expression):
            assert window == "$__rate_interval", named(query)


def test_quantiles_keep_the_buckets() -> None:
    for query in promql():
        if "histogram_quantile" in query.expression:
            assert re.search(r"sum by \(le[,)]", query.expression), named(query)


def metrics_of_rules(text: str) -> set[str]:
    groups = yaml.safe_load(text)["groups"]
    return {
        name for group in groups for rule in group["rules"] for name in metric_names(rule["expr"])
    }


@pytest.mark.parametrize("language", ["promql", "logql", "jaeger"], ids=str)
def test_no_variable_stays_unfilled(language: str) -> None:
    found = [query for query in panel_queries() if query.language == language]
    assert found
    assert not [query for query in found if "$" in query.expression]
