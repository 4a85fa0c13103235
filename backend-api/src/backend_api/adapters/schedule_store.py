"""ScheduleStore and ScheduleRuns over SQL."""

from typing import Any, Final

from sqlalchemy import Row, delete, func, select, update

from backend_api.adapters import sql
from backend_api.adapters.product_tables import training_schedules as schedules
from backend_api.adapters.tables import tenants
from backend_api.domain.product_errors import ScheduleNotFound
from backend_api.domain.schedules import Schedule
from backends.sql_store import SqlStore
from backends.upserts import insert
from contracts.public.access import TenantStatus
from contracts.training import TrainingParameters

_INSERT: Final = insert(schedules)
_PUT: Final = _INSERT.on_conflict_do_update(
    index_elements=["tenant_id"],
    set_={c.name: _INSERT.excluded[c.name] for c in schedules.c if not c.primary_key},
)


class SqlScheduleStore(SqlStore):
    """Schedules in the table `training_schedules`."""

    table = schedules

    async def put(self, schedule: Schedule) -> None:
        """Create or replace a tenant's schedule."""
        row = {
            "tenant_id": schedule.tenant_id,
            "parameters": schedule.parameters.model_dump_json(),
            "every_hours": schedule.every_hours,
            "min_new_events": schedule.min_new_events,
            "last_job_id": schedule.last_job_id,
            **_moved(schedule),
        }
        async with sql.transaction(self._engine) as connection:
            await connection.execute(_PUT, row)

    async def find(self, tenant_id: str) -> Schedule | None:
        """The tenant's schedule, or None."""
        query = select(schedules).where(schedules.c.tenant_id == tenant_id)
        async with sql.transaction(self._reading) as connection:
            row = (await connection.execute(query)).one_or_none()
        return _schedule(row) if row else None

    async def delete(self, tenant_id: str) -> None:
        """Forget a tenant's schedule. Raises `ScheduleNotFound`."""
        statement = delete(schedules).where(schedules.c.tenant_id == tenant_id)
        async with sql.transaction(self._engine) as connection:
            result = await connection.execute(statement)
        if result.rowcount == 0:
            raise ScheduleNotFound

    async def earliest(self) -> Schedule | None:
        """The schedule of an active tenant that is due first."""
        query = (
            select(schedules)
            .join(tenants, tenants.c.tenant_id == schedules.c.tenant_id)
            .where(tenants.c.status == TenantStatus.ACTIVE)
            .order_by(schedules.c.due_at)
            .limit(1)
        )
        async with sql.transaction(self._reading) as connection:
            row = (await connection.execute(query)).one_or_none()
        return _schedule(row) if row else None

    async def claim(self, schedule: Schedule, moved: Schedule) -> bool:
        """Move a due schedule on; False where another replica has moved or changed it already."""
        statement = (
            update(schedules)
            .where(
                schedules.c.tenant_id == schedule.tenant_id,
                schedules.c.due_at == sql.to_milliseconds(schedule.due_at),
            )
            .values(_moved(moved))
        )
        async with sql.transaction(self._engine) as connection:
            return (await connection.execute(statement)).rowcount == 1

    async def ended(self, schedule: Schedule, job_id: str | None, error: str | None) -> None:
        """Keep how the run of a claimed schedule ended; a job id of None keeps the last one."""
        statement = (
            update(schedules)
            .where(schedules.c.tenant_id == schedule.tenant_id)
            .values(last_job_id=func.coalesce(job_id, schedules.c.last_job_id), last_error=error)
        )
        async with sql.transaction(self._engine) as connection:
            await connection.execute(statement)


def _moved(schedule: Schedule) -> dict[str, Any]:
    """What a run or a look changes of a schedule."""
    at = schedule.next_run_at
    return {
        "next_run_at": None if at is None else sql.to_milliseconds(at),
        "due_at": sql.to_milliseconds(schedule.due_at),
        "last_error": schedule.last_error,
    }


def _schedule(row: Row[Any]) -> Schedule:
    return Schedule(
        row.tenant_id,
        TrainingParameters.model_validate_json(row.parameters),
        row.every_hours,
        row.min_new_events,
        None if row.next_run_at is None else sql.from_milliseconds(row.next_run_at),
        sql.from_milliseconds(row.due_at),
        row.last_job_id,
        row.last_error,
    )
