"""Which claims are over: those whose holder has given no sign of life for a while."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

RENEW_SECONDS: Final = 1.0
"""How often a holder renews its claim."""

LEASE_SECONDS: Final = 10.0
"""How long a holder may be silent: many times what a busy machine or a database may delay it."""

LONGEST_GAP_SECONDS: Final = 2.0
"""The most that the time since the last look counts: nobody was watched during an outage."""


class Claim(Protocol):
    """Something that one replica at a time may hold, as one look shows it."""

    @property
    def claim_id(self) -> str:
        """What is claimed."""
        ...

    @property
    def holder(self) -> str | None:
        """The replica that has claimed it."""
        ...

    @property
    def renewals(self) -> int:
        """Grows with each sign of life of the holder."""
        ...


ClaimT = TypeVar("ClaimT", bound=Claim)


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

    def free(self, claims: Sequence[ClaimT]) -> list[ClaimT]:
        """Of all claims those that nobody holds any more, in the same order."""
        now = self._clock()
        passed = min(now - self._looked_at, LONGEST_GAP_SECONDS)
        self._looked_at = now
        held = [claim for claim in claims if claim.holder is not None]
        self._silences = {claim.claim_id: self._silence(claim, passed) for claim in held}
        return [claim for claim in claims if claim.holder is None or self._is_over(claim)]

    def _silence(self, claim: Claim, passed: float) -> _Silence:
        known = self._silences.get(claim.claim_id)
        if known is None or known.renewals != claim.renewals:
            return _Silence(claim.renewals)
        return _Silence(claim.renewals, known.seconds + passed)

    def _is_over(self, claim: Claim) -> bool:
        return self._silences[claim.claim_id].seconds >= LEASE_SECONDS
