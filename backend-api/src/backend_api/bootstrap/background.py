"""Work beside the requests."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from backends.waiting import happened
from instrumentation.errors import count_error
from instrumentation.metrics import Metrics

RESTART_SECONDS: Final = 5.0
GRACE_SECONDS: Final = 5.0
_logger = logging.getLogger(__name__)


@asynccontextmanager
async def in_background(
    name: str,
    step: Callable[[], Awaitable[float]],
    metrics: Metrics,
    wake: asyncio.Event | None = None,
) -> AsyncGenerator[None]:
    """Do a step again and again while the block runs; it answers the seconds until the next one.

    `wake` brings the next step at once. An error that nobody expected is counted and logged, and
    ends nothing. At the end of the block a step under way may finish: what is cancelled within a
    transaction would leave its connection behind.
    """
    loop = _Loop(name, step, metrics, wake or asyncio.Event())
    task = asyncio.create_task(loop.run(), name=name)
    try:
        yield
    finally:
        loop.end()
        await asyncio.wait([task], timeout=GRACE_SECONDS)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class _Loop:
    def __init__(
        self,
        name: str,
        step: Callable[[], Awaitable[float]],
        metrics: Metrics,
        wake: asyncio.Event,
    ) -> None:
        self._name = name
        self._step = step
        self._metrics = metrics
        self._wake = wake
        self._ending = False

    def end(self) -> None:
        self._ending = True
        self._wake.set()

    async def run(self) -> None:
        while not self._ending:
            self._wake.clear()
            delay = await self._one()
            if self._ending:
                return
            await happened(self._wake, within=delay)

    async def _one(self) -> float:
        try:
            return await self._step()
        except Exception as error:
            count_error(self._metrics, error)
            _logger.exception("%s failed and goes on", self._name)
            return RESTART_SECONDS
