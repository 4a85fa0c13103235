"""Training schedules: kept per tenant, run by whichever replica is first."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from backend_api.domain.errors import DomainError
from backend_api.domain.product_errors import ScheduleNotFound
from backend_api.domain.product_ports import ScheduleRuns, ScheduleStore
from backend_api.domain.schedules import Schedule, new_schedule
from backend_api.services.training import TrainingService
from backends.ports import PortUnavailable
from contracts.public.training import TrainingSchedule
from contracts.training import TrainingParameters

LOOK_AGAIN_SECONDS: Final = 60.0
"""How late at most a replica notices what another one was told."""
CUT_OFF: Final = "the run was cut off before its job began"


class ScheduleService:
    """Keeps schedules and runs those that are due; `clock` gives the time in UTC.

    `changed` is set when something may be due earlier than was thought.
    """

    def __init__(
        self,
        store: ScheduleStore,
        runs: ScheduleRuns,
        training: TrainingService,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._runs = runs
        self._training = training
        self._clock = clock
        self.changed = asyncio.Event()

    async def put(self, tenant_id: str, wanted: TrainingSchedule) -> Schedule:
        """Train by this schedule from now on."""
        known = await self._store.find(tenant_id)
        parameters = TrainingParameters(
            **{name: getattr(wanted, name) for name in TrainingParameters.model_fields}
        )
        schedule = new_schedule(
            tenant_id, parameters, wanted.every_hours, wanted.min_new_events, self._clock()
        )
        schedule = replace(schedule, last_job_id=known.last_job_id if known else None)
        await self._store.put(schedule)
        self.changed.set()
        return schedule

    async def get(self, tenant_id: str) -> Schedule:
        """The tenant's schedule. Raises `ScheduleNotFound`."""
        schedule = await self._store.find(tenant_id)
        if schedule is None:
            raise ScheduleNotFound
        return schedule

    async def delete(self, tenant_id: str) -> None:
        """Train no more. Raises `ScheduleNotFound`."""
        await self._store.delete(tenant_id)

    async def run_due(self) -> float:
        """Run all that is due; how many seconds to wait before there can be more."""
        try:
            return await self._run_all()
        except PortUnavailable:
            return LOOK_AGAIN_SECONDS

    async def _run_all(self) -> float:
        while (schedule := await self._store.earliest()) is not None:
            now = self._clock()
            wait = (schedule.due_at - now).total_seconds()
            if wait > 0:
                return min(wait, LOOK_AGAIN_SECONDS)
            if schedule.time_has_come(now):
                await self._run(schedule, now)
            else:
                await self._look(schedule, now)
        return LOOK_AGAIN_SECONDS

    async def _look(self, schedule: Schedule, now: datetime) -> None:
        """Run a schedule if there is a reason."""
        looked = schedule.looked_at(now)
        if not await self._runs.claim(schedule, looked):
            return
        try:
            there_is_a_reason = await self._reason(looked)
        except DomainError:
            # One of the services is away: the next look asks again.
            return
        if there_is_a_reason:
            await self._run(looked, now)

    async def _reason(self, schedule: Schedule) -> bool:
        """Whether enough events came since the last snapshot, or a run for such made no job.

        That one's snapshot may have been made, so that no event came since; then its job may have
        begun as well, unseen.
        """
        data = await self._training.data(schedule.tenant_id)
        wanted = schedule.min_new_events
        if wanted is not None and data.events_since_snapshot >= wanted:
            return True
        if schedule.last_error is None:
            return False
        job = await self._training.newest_job(schedule.tenant_id)
        if job is None or job.snapshot_id != data.last_snapshot_id:
            return True
        await self._runs.ended(schedule, job.job_id, None)
        return False

    async def _run(self, schedule: Schedule, now: datetime) -> None:
        """Start a job, unless another replica does."""
        begun = schedule.begun(now, CUT_OFF)
        if not await self._runs.claim(schedule, begun):
            return
        try:
            job = await self._training.start(begun.tenant_id, begun.parameters)
        except DomainError as error:
            await self._runs.ended(begun, None, error.detail)
            return
        await self._runs.ended(begun, job.job_id, None)
