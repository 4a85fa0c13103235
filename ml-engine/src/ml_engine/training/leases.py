"""Which claims are over: those whose holder has given no sign of life for a while."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ml_engine.training.ports import OpenJob

RENEW_SECONDS: Final = 1.0
"""How often a holder renews its claim, and so how soon it hears that its job is to be cancelled."""

LEASE_SECONDS: Final = 10.0
"""How long a holder may be silent: many times what a busy machine or a database may delay it."""

LONGEST_GAP_SECONDS: Final = 2.0
"""The most that the time since the last look counts: nobody was watched during an outage."""


@dataclass(slots=True)
class _Silence:
    """How long a claim has been seen as it was after its last renewal."""

    renewals: int
    seconds: float = 0.0


class Leases:
    """Watches the renewals of others by this replica's own clock, so clocks need not agree.

    While nobody can reach the database nobody is silent: only the time between looks that
    succeeded counts. `clock` is in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked_at = clock()
        self._silences: dict[str, _Silence] = {}

    def free(self, jobs: Sequence[OpenJob]) -> list[OpenJob]:
        """Of all open jobs those that nobody holds any more, in the same order."""
        now = self._clock()
        passed = min(now - self._looked_at, LONGEST_GAP_SECONDS)
        self._looked_at = now
        held = [job for job in jobs if job.holder is not None]
        self._silences = {job.job.job_id: self._silence(job, passed) for job in held}
        return [job for job in jobs if job.holder is None or self._is_over(job)]

    def _silence(self, job: OpenJob, passed: float) -> _Silence:
        known = self._silences.get(job.job.job_id)
        if known is None or known.renewals != job.renewals:
            return _Silence(job.renewals)
        return _Silence(job.renewals, known.seconds + passed)

    def _is_over(self, job: OpenJob) -> bool:
        return self._silences[job.job.job_id].seconds >= LEASE_SECONDS
