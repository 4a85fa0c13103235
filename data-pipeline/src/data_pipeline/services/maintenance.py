"""Keeps the event log in order, in the background."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from backends.ports import PortUnavailable

JobReport = Mapping[str, int]
"""What a job did, as counts by their names; all are 0 where there was nothing to do."""

_LOG: Final = logging.getLogger(__name__)


class Job(Protocol):
    """Work that is done every so many seconds."""

    name: str
    every_seconds: float

    async def run(self) -> JobReport:
        """Do what is due now. Raises `PortUnavailable`; the rest is done by the next run."""
        ...


class MaintenanceObserver(Protocol):
    """Is told of every run of a job."""

    def run(self, name: str) -> AbstractContextManager[Callable[[JobReport], None]]:
        """A job runs in this block, which hands its report over or raises."""
        ...


class Maintenance:
    """Runs each job by itself: one that takes long keeps no other one waiting."""

    def __init__(self, jobs: Sequence[Job], observer: MaintenanceObserver) -> None:
        self._jobs = jobs
        self._observer = observer

    async def work(self) -> None:
        """Run the jobs until cancelled; what goes wrong is tried again at the next time."""
        async with asyncio.TaskGroup() as group:
            for job in self._jobs:
                group.create_task(self._repeat(job))

    async def run_once(self) -> None:
        """Run each job once. Raises what the first that fails raises."""
        for job in self._jobs:
            await self._run(job)

    async def _repeat(self, job: Job) -> None:
        while True:
            try:
                await self._run(job)
            except PortUnavailable as error:
                _LOG.warning("%s failed and is tried again: %s", job.name, error)
            except Exception:
                _LOG.exception("%s failed and is tried again", job.name)
            await asyncio.sleep(job.every_seconds)

    async def _run(self, job: Job) -> None:
        with self._observer.run(job.name) as ran:
            ran(await job.run())
