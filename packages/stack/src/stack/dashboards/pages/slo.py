"""SLO: made from observability/slo/slo.yml, a row for each objective."""

from stack.dashboards import logql, units
from stack.dashboards.board import Page, Row
from stack.dashboards.levels import falling, none_allowed, plain, rising
from stack.dashboards.links import runbook
from stack.dashboards.panels import graph, logs, ranking, stat
from stack.dashboards.promql import or_zero
from stack.dashboards.targets import Query
from stack.slo import Objective, Spec, load_spec, records

# The burn rates at which someone is called or a ticket is written, by their long window.
_PAGE_FAST, _PAGE_SLOW, _TICKET = 14.4, 6, 3


def page() -> Page:
    """The dashboard."""
    spec = load_spec()
    return Page(
        uid="slo",
        title="SLO",
        description="What was promised, what was kept, and how fast the rest is being used up.",
        tags=["slo"],
        rows=[
            _verdict(spec),
            *(_objective(one, spec.window) for one in spec.slos),
            _evidence(),
        ],
        since="now-24h",
    )


def _verdict(spec: Spec) -> Row:
    fast = f"{records.error_ratio('1h')} / on (slo, service) {records.ERROR_BUDGET}"
    return Row(
        "Is it all right?",
        [
            stat(
                "Budgets spent",
                f"Objectives whose error budget of {spec.window} is used up: no risky change "
                "until it is back.",
                units.COUNT,
                Query(or_zero(f"count({records.ERROR_BUDGET_REMAINING} <= 0)")),
            )
            .height(8)
            .thresholds(none_allowed()),
            ranking(
                "Budget left",
                f"Share of the error budget of {spec.window}. Below 0 the promise is broken.",
                units.RATIO,
                Query(f"sort({records.ERROR_BUDGET_REMAINING})", "{{slo}}"),
            )
            .min(0)
            .max(1)
            .span(10)
            .thresholds(falling(0.5, 0.1)),
            graph(
                "Burn rate, 1 hour",
                "How fast the budget is being used: at 1 it lasts exactly for its window. Above "
                f"{_PAGE_FAST} someone is called.",
                units.COUNT,
                Query(fast, "{{slo}}"),
            )
            .span(10)
            .thresholds(rising(_TICKET, _PAGE_FAST))
            .links([runbook("SLOErrorBudgetBurnFast"), runbook("SLOErrorBudgetBurnSlow")]),
        ],
    )


def _objective(one: Objective, window: str) -> Row:
    budget = records.of(records.ERROR_BUDGET, one.slo)

    def burn(span: str) -> str:
        ratio = records.of(records.error_ratio(span), one.slo)
        return f"{ratio} / on (slo) {budget}"

    kept = f"1 - {records.of(records.error_ratio(window), one.slo)}"
    return Row(
        f"{one.title}: {one.objective * 100:g} %",
        [
            stat(
                f"Kept over {window}",
                f"{one.description} Red is below what was promised.",
                units.RATIO,
                Query(kept),
            )
            .decimals(3)
            .height(7)
            .thresholds(falling(one.objective + one.error_budget / 2, one.objective)),
            stat(
                "Budget left",
                f"Share of the error budget of {window} that is left.",
                units.RATIO,
                Query(records.of(records.ERROR_BUDGET_REMAINING, one.slo)),
            )
            .height(7)
            .thresholds(falling(0.5, 0.1)),
            graph(
                "Events",
                "All, and the good ones among them.",
                units.EVENTS_PER_SECOND,
                Query(records.of(records.TOTAL, one.slo), "all"),
                Query(records.of(records.GOOD, one.slo), "good"),
            )
            .span(5)
            .height(7)
            .no_value("No events")
            .links([runbook("SLOAbsent")]),
            graph(
                "Burn rate",
                f"Above {_PAGE_FAST} over 1h or {_PAGE_SLOW} over 6h someone is called.",
                units.COUNT,
                *(Query(burn(span), span) for span in ("1h", "6h", "3d")),
            )
            .span(6)
            .height(7)
            .thresholds(rising(_PAGE_SLOW, _PAGE_FAST))
            .links([runbook("SLOErrorBudgetBurnFast")]),
            graph(
                "Budget over time",
                "A cliff is an outage, a slope a fault that is always there.",
                units.RATIO,
                Query(records.of(records.ERROR_BUDGET_REMAINING, one.slo), "left"),
            )
            .span(5)
            .height(7)
            .thresholds(plain()),
        ],
    )


def _evidence() -> Row:
    return Row(
        "Evidence",
        [
            logs(
                "Errors",
                "Of all services, the newest first: what used up the budgets.",
                logql.lines(".+", logql.ERRORS),
            )
        ],
    )
