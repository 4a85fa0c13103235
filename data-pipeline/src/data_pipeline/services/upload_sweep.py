"""Removes what uploads left in the object store when they were cut off."""

import asyncio
from collections.abc import Callable

from backends.ports import PortUnavailable
from data_pipeline.services.maintenance import JobReport


class UploadSweep:
    """Runs `remove`, which takes the seconds that nobody worked on an upload; it answers how many.

    An hour is more than one takes from one part to the next.
    """

    name = "upload_sweep"
    every_seconds = 3_600.0

    def __init__(self, remove: Callable[[float], int]) -> None:
        self._remove = remove

    async def run(self) -> JobReport:
        """Remove them. Raises `PortUnavailable`."""
        try:
            return {"uploads": await asyncio.to_thread(self._remove, 3_600.0)}
        except OSError as error:
            raise PortUnavailable(f"cannot remove what uploads left: {error}") from error
