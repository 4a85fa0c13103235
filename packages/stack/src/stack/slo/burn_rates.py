"""How fast an error budget may burn before somebody is told (Google's SRE workbook, chapter 5).

A budget that burns at rate 1 lasts exactly for the window of 30 days. Each alert asks a long
window, so that short trouble tells nobody, and a short one, so that it ends when the trouble does.
"""

from dataclasses import dataclass
from typing import Final, Literal

SECONDS: Final = {"1h": 3_600, "6h": 21_600, "1d": 86_400, "3d": 259_200}


@dataclass(frozen=True, slots=True)
class BurnRate:
    """Burning at `rate` in both windows is told; `budget` is the percentage used up by then."""

    rate: float
    long: Literal["1h", "6h", "1d", "3d"]
    short: Literal["5m", "30m", "2h", "6h"]
    budget: int


@dataclass(frozen=True, slots=True)
class BurnAlert:
    """One alert; it fires where either of its burn rates is passed."""

    name: str
    severity: Literal["critical", "warning"]
    rates: tuple[BurnRate, BurnRate]
    lasting: str


FAST: Final = BurnAlert(
    "SLOErrorBudgetBurnFast",
    "critical",
    (BurnRate(14.4, "1h", "5m", 2), BurnRate(6, "6h", "30m", 5)),
    "Going on like this, the budget of 30 days is gone in two to five days",
)
SLOW: Final = BurnAlert(
    "SLOErrorBudgetBurnSlow",
    "warning",
    (BurnRate(3, "1d", "2h", 10), BurnRate(1, "3d", "6h", 10)),
    "Going on like this, the budget of 30 days is gone before they are over",
)
ABSENT: Final = "SLOAbsent"
LEAST_BAD: Final = 5
"""Bad events in the long window below which nobody is told: one of ten requests is no trend."""
