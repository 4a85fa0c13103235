"""Lets records in quarantine expire."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from data_pipeline.domain.accounting import QuarantineExits
from data_pipeline.services.maintenance import JobReport
from data_pipeline.services.quarantine import DAY_MS

AT_ONCE: Final = 10_000
"""Entries that expire in one transaction: others write between two of them."""


class QuarantineExpiry:
    """Forgets records that arrived more than `days` days ago.

    `expired` is told how many of each tenant. `now_ms` is Unix time in milliseconds.
    """

    name = "quarantine_expiry"
    every_seconds = 600.0

    def __init__(
        self,
        exits: QuarantineExits,
        days: int,
        expired: Callable[[Mapping[str, int]], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._exits = exits
        self._kept_ms = days * DAY_MS
        self._expired = expired
        self._now_ms = now_ms

    async def run(self) -> JobReport:
        """Forget what is too old now. Raises `PortUnavailable`; the rest expires the next time."""
        before_ms = self._now_ms() - self._kept_ms
        records = Counter[str]()
        while some := await self._exits.expire(before_ms, AT_ONCE):
            self._expired(some)
            records.update(some)
        return {"records": records.total()}
