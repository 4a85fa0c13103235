"""Which replica keeps the stores in order."""

from dataclasses import dataclass
from typing import Final, Protocol

UPKEEP: Final = "upkeep"


@dataclass(frozen=True, slots=True)
class UpkeepClaim:
    """Who does the upkeep, as one look shows it; `renewals` grows with each sign of life."""

    holder: str | None
    renewals: int

    @property
    def claim_id(self) -> str:
        """There is one upkeep to be claimed."""
        return UPKEEP


class UpkeepClaims(Protocol):
    """Lets one replica at a time do the upkeep. All raise `PortUnavailable`."""

    async def look(self) -> UpkeepClaim:
        """How the claim stands."""
        ...

    async def claim(self, seen: UpkeepClaim, holder: str) -> bool:
        """Hold it from now on; False where anything has happened to the claim since it was seen."""
        ...

    async def renew(self, holder: str) -> bool:
        """Give a sign of life; False where another replica holds it."""
        ...

    async def release(self, holder: str) -> None:
        """Let others have it; nothing happens where another replica holds it."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where it cannot be claimed."""
        ...

    async def close(self) -> None:
        """Release what the claims hold."""
        ...
