"""What every port can do."""

from typing import Protocol


class Pingable(Protocol):
    """A port as the composition root and health see it."""

    async def ping(self) -> None:
        """Raise where it cannot be used."""
        ...

    async def close(self) -> None:
        """Release what it holds."""
        ...
