"""The names of the series that the generated rules record, with the labels `slo` and `service`.

All are ratios from 0 to 1 but the burn rates, which are 1 where the budget lasts exactly for the
window, and `GOOD` and `TOTAL`, which are events per second.
"""

from typing import Final

GOOD: Final = "slo:sli_good:rate5m"
TOTAL: Final = "slo:sli_total:rate5m"
OBJECTIVE: Final = "slo:objective:ratio"
ERROR_BUDGET: Final = "slo:error_budget:ratio"
CURRENT_BURN_RATE: Final = "slo:current_burn_rate:ratio"
"""How fast the last five minutes use up the budget."""
PERIOD_BURN_RATE: Final = "slo:period_burn_rate:ratio"
ERROR_BUDGET_REMAINING: Final = "slo:period_error_budget_remaining:ratio"
"""What is left of the budget of the window; below 0 where more was used than there is."""

WINDOWS: Final = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
"""Windows of the burn rates; the window of the spec comes with them."""


def error_ratio(window: str) -> str:
    """The share of bad events in a window of `WINDOWS`, or in that of the spec, such as 30d."""
    return f"slo:sli_error:ratio_rate{window}"


def of(record: str, slo: str) -> str:
    """PromQL for the series `record` of one objective."""
    return f'{record}{{slo="{slo}"}}'
