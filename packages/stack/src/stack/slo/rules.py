"""The recording and alert rules of the objectives, for Prometheus.

Good and total events are recorded once, as rates over five minutes; every window is a sum over
those two series. So a ratio weighs each event alike, 30 days cost two series to read, and a time
without events is neither good nor bad.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import yaml
from yaml.representer import BaseRepresenter

from stack.slo import records
from stack.slo.burn_rates import ABSENT, FAST, LEAST_BAD, SECONDS, SLOW, BurnAlert, BurnRate
from stack.slo.spec import Objective, Spec

Rule = dict[str, Any]

_HEAD: Final = "# Generated from observability/slo/slo.yml by `python -m stack.slo`; do not edit.\n"
_LONG: Final = ("1d", "3d")
_LONG_INTERVAL: Final = "2m"


def render(spec: Spec) -> str:
    """The rule file."""
    groups = [group for one in spec.slos for group in _groups(one, spec.window)]
    dumped = yaml.dump(
        {"groups": groups}, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True
    )
    return _HEAD + dumped


def _groups(one: Objective, window: str) -> Sequence[Rule]:
    quick = [_ratio(one, each) for each in records.WINDOWS if each not in _LONG]
    slow = [_ratio(one, each) for each in (*_LONG, window)]
    return [
        {"name": f"slo-{one.slo}", "rules": [*_events(one), *quick, *_budget(one)]},
        {
            "name": f"slo-{one.slo}-long",
            "interval": _LONG_INTERVAL,
            "rules": [*slow, *_period(one, window)],
        },
        {
            "name": f"slo-{one.slo}-alerts",
            "rules": [_burning(one, FAST), _burning(one, SLOW), _absent(one)],
        },
    ]


def _events(one: Objective) -> Sequence[Rule]:
    # Where there are events and none of them is good, the series of the good ones may be missing.
    good = f"({one.good})\nor\n0 * ({one.total})"
    return [_record(one, records.GOOD, good), _record(one, records.TOTAL, one.total)]


def _ratio(one: Objective, window: str) -> Rule:
    good, total = records.of(records.GOOD, one.slo), records.of(records.TOTAL, one.slo)
    if window != "5m":
        good, total = (f"sum_over_time({each}[{window}])" for each in (good, total))
    expression = f"clamp_min(\n  1 - {good}\n  / ({total} > 0),\n  0\n)"
    return _record(one, records.error_ratio(window), expression)


def _budget(one: Objective) -> Sequence[Rule]:
    ratio, budget = records.error_ratio("5m"), records.ERROR_BUDGET
    return [
        _record(one, records.OBJECTIVE, f"vector({one.objective:g})"),
        _record(one, budget, f"vector({one.error_budget:g})"),
        _record(one, records.CURRENT_BURN_RATE, _quotient(one, ratio, budget)),
    ]


def _period(one: Objective, window: str) -> Sequence[Rule]:
    ratio, burnt = records.error_ratio(window), records.PERIOD_BURN_RATE
    return [
        _record(one, burnt, _quotient(one, ratio, records.ERROR_BUDGET)),
        _record(one, records.ERROR_BUDGET_REMAINING, f"1 - {records.of(burnt, one.slo)}"),
    ]


def _quotient(one: Objective, numerator: str, denominator: str) -> str:
    return f"{records.of(numerator, one.slo)}\n/ {records.of(denominator, one.slo)}"


def _burning(one: Objective, alert: BurnAlert) -> Rule:
    return {
        "alert": alert.name,
        "expr": "\nor\n".join(_passed(one, rate) for rate in alert.rates),
        "labels": {"severity": alert.severity, **_labels(one)},
        "annotations": {
            "summary": (
                f"{one.title}: {{{{ $value | humanizePercentage }}}} of the events are bad, "
                f"where {100 * one.error_budget:g} % may be"
            ),
            "description": f"{alert.lasting}. {one.description}",
            **_links(alert.name),
        },
    }


def _passed(one: Objective, rate: BurnRate) -> str:
    limit = f"{rate.rate * one.error_budget:.6g}"
    long, short = (
        records.of(records.error_ratio(window), one.slo) for window in (rate.long, rate.short)
    )
    bad = " - ".join(
        f"avg_over_time({records.of(name, one.slo)}[{rate.long}])"
        for name in (records.TOTAL, records.GOOD)
    )
    return (
        f"(\n  {long} > {limit}\n  and {short} > {limit}\n"
        f"  and {SECONDS[rate.long]} * ({bad}) >= {LEAST_BAD}\n)"
    )


def _absent(one: Objective) -> Rule:
    return {
        "alert": ABSENT,
        "expr": f"absent({records.of(records.TOTAL, one.slo)})\nand on () ({one.witness}) > 0",
        "for": "10m",
        "labels": {"severity": "warning", **_labels(one)},
        "annotations": {
            "summary": f"{one.title}: nothing measures it",
            "description": (
                "There is work, and the series of this objective are missing: while they are, "
                "nobody is told when it is missed."
            ),
            **_links(ABSENT),
        },
    }


def _record(one: Objective, name: str, expression: str) -> Rule:
    return {"record": name, "expr": expression, "labels": _labels(one)}


def _labels(one: Objective) -> dict[str, str]:
    return {"service": one.owner, "slo": one.slo}


def _links(alert: str) -> dict[str, str]:
    return {"dashboard_url": "/d/slo", "runbook_url": f"docs/runbooks/{RUNBOOKS[alert]}.md"}


RUNBOOKS: Final = {
    FAST.name: "slo-error-budget-burn-fast",
    SLOW.name: "slo-error-budget-burn-slow",
    ABSENT: "slo-absent",
}


def _text(dumper: BaseRepresenter, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


class _Dumper(yaml.SafeDumper):
    """Writes expressions over several lines as they are."""

    yaml_representers: ClassVar = {**yaml.SafeDumper.yaml_representers, str: _text}

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """A mapping that occurs twice is written twice."""
        return True
