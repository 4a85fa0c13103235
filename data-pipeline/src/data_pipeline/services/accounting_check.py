"""The service checks its own books."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from data_pipeline.domain.accounting import BooksDiffer, Imbalance, Ledger, Quarantine
from data_pipeline.services.maintenance import JobReport

SHOWN: Final = 5
"""How many differences the health report names."""

Checked = Callable[[Sequence[Imbalance], Mapping[str, int]], None]


class AccountingCheck:
    """Compares the books of all tenants with what is stored.

    `checked` is told what differs, and how many records each tenant has in quarantine.
    """

    name = "accounting_check"
    every_seconds = 30.0

    def __init__(self, ledger: Ledger, quarantine: Quarantine, checked: Checked) -> None:
        self._ledger = ledger
        self._quarantine = quarantine
        self._checked = checked
        self._differences: Sequence[Imbalance] = ()

    async def run(self) -> JobReport:
        """Compare once. Raises `PortUnavailable`: what was found before stands until then."""
        self._differences = await self._ledger.imbalances()
        self._checked(self._differences, await self._quarantine.sizes())
        return {"differences": len(self._differences)}

    def forget(self) -> None:
        """Another replica checks from now on: what was found here is told there."""
        self._differences = ()
        self._checked((), {})

    async def balanced(self) -> None:
        """Raise `BooksDiffer` where the last check found differences."""
        if self._differences:
            raise BooksDiffer("; ".join(map(str, self._differences[:SHOWN])))
