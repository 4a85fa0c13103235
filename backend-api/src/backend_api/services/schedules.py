"""Training schedules: kept per tenant, run by whichever replica is first."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from backend_api.domain.errors import DomainError
from backend_api.domain.product_errors import ScheduleNotFound
from backend_api.domain.product_ports import ScheduleRuns, ScheduleStore
from backend_api.domain.schedules import Schedule
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
        """Train every so many hours from now on."""
        known = await self._store.find(tenant_id)
        schedule = Schedule(
            tenant_id,
            TrainingParameters(
                **{name: getattr(wanted, name) for name in TrainingParameters.model_fields}
            ),
            wanted.every_hours,
            self._clock() + timedelta(hours=wanted.every_hours),
            known.last_job_id if known else None,
        )
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
            wait = (schedule.next_run_at - now).total_seconds()
            if wait > 0:
                return min(wait, LOOK_AGAIN_SECONDS)
            if await self._runs.claim(schedule, schedule.next_after(now), CUT_OFF):
                await self._run(schedule)
        return LOOK_AGAIN_SECONDS

    async def _run(self, schedule: Schedule) -> None:
        try:
            job = await self._training.start(schedule.tenant_id, schedule.parameters)
        except DomainError as error:
            await self._runs.ended(schedule, None, error.detail)
            return
        await self._runs.ended(schedule, job.job_id, None)
