"""docs/slo.md: the objectives for people."""

from typing import Final

from stack.slo.burn_rates import ABSENT, FAST, LEAST_BAD, SLOW
from stack.slo.rules import RUNBOOKS
from stack.slo.spec import Objective, Spec

_HEAD: Final = """# Service level objectives

Generated from `observability/slo/slo.yml` by `python -m stack.slo`; do not edit. The same
spec makes the rules `observability/prometheus/rules/slo.yml` and the dashboard `slo`.

| objective | target | may fail in {window} | owner |
|---|---|---|---|
"""
_ALERTS: Final = """
## Who is told, and when

The error budget is what may fail over {window}. It burns at rate 1 where it lasts exactly that
long. An alert asks two windows at once: the long one says that it is no blip, the short one ends
the alert soon after the trouble. With fewer than {least} bad events in the long window, none fires.

| alert | severity | burn rate | over | and over | budget used up by then |
|---|---|---|---|---|---|
{rows}

[{absent}](runbooks/{absent_page}.md) tells where an objective is measured no more. A time without
events is neither good nor bad.
"""


def render(spec: Spec) -> str:
    """The page as Markdown."""
    head = _HEAD.format(window=_words(spec.window))
    table = "\n".join(_row(one) for one in spec.slos)
    parts = "".join(_part(one) for one in spec.slos)
    rows = "\n".join(
        f"| [{alert.name}](runbooks/{RUNBOOKS[alert.name]}.md) | {alert.severity} "
        f"| {rate.rate:g} | {rate.long} | {rate.short} | {rate.budget} % |"
        for alert in (FAST, SLOW)
        for rate in alert.rates
    )
    alerts = _ALERTS.format(
        window=_words(spec.window),
        least=LEAST_BAD,
        rows=rows,
        absent=ABSENT,
        absent_page=RUNBOOKS[ABSENT],
    )
    return f"{head}{table}\n{parts}{alerts}"


def _row(one: Objective) -> str:
    return (
        f"| [{one.title}](#{one.slo}) | {100 * one.objective:g} % "
        f"| {100 * one.error_budget:g} % | {one.owner} |"
    )


def _part(one: Objective) -> str:
    return (
        f"\n## {one.slo}\n\n{one.description}\n\n```\ngood   {one.good}\ntotal  {one.total}\n```\n"
    )


def _words(window: str) -> str:
    return f"{window.removesuffix('d')} days"
