"""Load that goes on while things fail, and what became of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from benchmarks.load.sender import Answered, Sender, moments, when_due
from benchmarks.load.traffic import Request

WELL_SECONDS: Final = 5.0
"""All is well when nothing failed for so long."""

PATIENCE_SECONDS: Final = 300.0
POLL_SECONDS: Final = 0.2


class Traffic(Protocol):
    """Where requests come from."""

    def draw(self) -> Request:
        """The next one."""
        ...


class Load:
    """Requests at one rate for as long as the block lasts, and what became of them."""

    def __init__(self, urls: Sequence[str], traffic: Traffic, per_second: float) -> None:
        self._sender = Sender(urls)
        self._traffic = traffic
        self._per_second = per_second
        self._over = False
        self._answers: list[Answered] = []

    async def __aenter__(self) -> "Load":
        noted = self._answers.append
        load = when_due(self._sender, self._traffic.draw, self._until_over(), noted)
        self._task = asyncio.create_task(load)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over = True
        await self._task
        await self._sender.close()

    def since(self, moment: float) -> Sequence[Answered]:
        """The answers to what was due from then on, a time of `time.perf_counter`."""
        return [one for one in self._answers if one.due >= moment]

    async def well(self, since: float) -> float | None:
        """Wait until all is well for a while; when that began, a time of `time.perf_counter`.

        None where it takes longer than PATIENCE_SECONDS.
        """
        give_up = time.perf_counter() + PATIENCE_SECONDS
        while (now := time.perf_counter()) < give_up:
            answers = self.since(since)
            began = max([since, *(one.due + one.seconds for one in answers if _is_ill(one))])
            good = any(one.due > began for one in answers)
            if good and min(now, self._sender.waiting_since + WELL_SECONDS) - began > WELL_SECONDS:
                return began
            await asyncio.sleep(POLL_SECONDS)
        return None

    async def acknowledged(self) -> int:
        """How many events are stored as the answers say, once all are.

        After the block. What got no good answer is sent again, as callers do, until it gets one;
        the program ends where that takes longer than PATIENCE_SECONDS.
        """
        give_up = time.perf_counter() + PATIENCE_SECONDS
        stored = sum(one.acknowledged for one in self._answers)
        unknown = [one.unknown for one in self._answers if one.unknown]
        while unknown:
            answer = await self._sender.send(unknown[-1], time.perf_counter())
            if answer.unknown and time.perf_counter() > give_up:
                raise SystemExit(f"{len(unknown)} batches of events cannot be sent again")
            if answer.unknown:
                await asyncio.sleep(POLL_SECONDS)
            else:
                unknown.pop()
                stored += answer.acknowledged
        await self._sender.close()
        return stored

    async def _until_over(self) -> AsyncIterator[float]:
        async for due in moments(self._per_second):
            if self._over:
                return
            yield due


def _is_ill(answer: Answered) -> bool:
    return answer.failed or answer.degraded
