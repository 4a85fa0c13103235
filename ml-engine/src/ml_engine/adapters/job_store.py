"""JobStore and JobClaims in a relational database."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from backends.availability import available
from backends.sql_store import SqlStore
from backends.turns import take_turn
from contracts.training import JobStatus, TrainingJob
from ml_engine.adapters.tables import training_jobs
from ml_engine.training.ports import ClaimLost, OpenJob

_OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)
_IS_OPEN = training_jobs.c.status.in_(_OPEN)
_CLAIMED = ("job", "holder", "renewals", "cancel_wanted", "trace_headers")
_OF_SAME_TENANT = training_jobs.alias("of_same_tenant")
_LAST_TURN = (
    sa.select(sa.func.max(_OF_SAME_TENANT.c.started_at))
    .where(_OF_SAME_TENANT.c.tenant_id == training_jobs.c.tenant_id)
    .scalar_subquery()
    .label("last_turn")
)
_OPEN_JOBS = (
    sa.select(*(training_jobs.c[name] for name in _CLAIMED), _LAST_TURN)
    .where(_IS_OPEN)
    .order_by(training_jobs.c.created_at, training_jobs.c.job_id)
)


class SqlJobStore(SqlStore):
    """A row per job: the job as JSON, and beside it what is searched by and who holds it.

    Each change of a claim counts `renewals` up, and is made only where they are as they were seen:
    of two replicas that claim at once, the statement of one finds no row.
    """

    what = "jobs database"
    table = training_jobs

    async def add(self, job: TrainingJob, trace_headers: Mapping[str, str], limit: int) -> bool:
        """Keep a new job, where fewer than `limit` of the tenant have not ended."""
        of_tenant = training_jobs.c.tenant_id == job.tenant_id
        n_open = sa.select(sa.func.count()).select_from(training_jobs).where(of_tenant, _IS_OPEN)
        values = {
            "job_id": job.job_id,
            "tenant_id": job.tenant_id,
            "created_at": job.created_at.isoformat(),
            "trace_headers": json.dumps(dict(trace_headers)),
            "renewals": 0,
            "cancel_wanted": False,
            "checkpoints": "{}",
            **_progress(job),
        }
        with available(self.what):
            async with self._engine.begin() as connection:
                await take_turn(connection, f"training jobs of {job.tenant_id}")
                if (await connection.execute(n_open)).scalar_one() >= limit:
                    return False
                await connection.execute(training_jobs.insert().values(values))
                return True

    async def find(self, tenant_id: str, job_id: str) -> TrainingJob | None:
        """One job of the tenant."""
        of_tenant = training_jobs.c.tenant_id == tenant_id
        query = sa.select(training_jobs.c.job).where(of_tenant, training_jobs.c.job_id == job_id)
        return next(iter(await self._jobs(query)), None)

    async def of_tenant(
        self, tenant_id: str, limit: int, before: tuple[datetime, str] | None = None
    ) -> Sequence[TrainingJob]:
        """The tenant's jobs, newest first."""
        key = sa.tuple_(training_jobs.c.created_at, training_jobs.c.job_id)
        query = sa.select(training_jobs.c.job).where(training_jobs.c.tenant_id == tenant_id)
        if before is not None:
            query = query.where(key < (before[0].isoformat(), before[1]))
        newest_first = (training_jobs.c.created_at.desc(), training_jobs.c.job_id.desc())
        return await self._jobs(query.order_by(*newest_first).limit(limit))

    async def want_cancelled(self, job_id: str) -> None:
        """Leave the wish in the job's row."""
        this = training_jobs.c.job_id == job_id
        wish = training_jobs.update().where(this, _IS_OPEN).values(cancel_wanted=True)
        with available(self.what):
            async with self._engine.begin() as connection:
                await connection.execute(wish)

    async def open_jobs(self) -> Sequence[OpenJob]:
        """All jobs that are queued or running, oldest first."""
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = (await connection.execute(_OPEN_JOBS)).all()
        return [_open_job(row) for row in rows]

    async def claim(self, seen: OpenJob, holder: str, job: TrainingJob) -> bool:
        """Hold the job where its row is as it was seen."""
        unchanged = training_jobs.c.renewals == seen.renewals
        return await self._write(job, holder, _IS_OPEN, unchanged) is not None

    async def renew(self, holder: str, job: TrainingJob) -> bool:
        """Keep the job and the claim where it is held. Raises `ClaimLost`."""
        cancel_wanted = await self._write(job, holder, training_jobs.c.holder == holder)
        if cancel_wanted is None:
            raise ClaimLost(job.job_id)
        return cancel_wanted

    async def release(self, holder: str, job: TrainingJob) -> None:
        """Keep the job and give up the claim where it is held. Raises `ClaimLost`."""
        if await self._write(job, None, training_jobs.c.holder == holder) is None:
            raise ClaimLost(job.job_id)

    async def _write(
        self, job: TrainingJob, holder: str | None, *conditions: sa.ColumnElement[bool]
    ) -> bool | None:
        """Whether the job is to be cancelled, None where no row meets the conditions."""
        update = (
            training_jobs.update()
            .where(training_jobs.c.job_id == job.job_id, *conditions)
            .values(holder=holder, renewals=training_jobs.c.renewals + 1, **_progress(job))
            .returning(training_jobs.c.cancel_wanted)
        )
        with available(self.what):
            async with self._engine.begin() as connection:
                return (await connection.execute(update)).scalar_one_or_none()

    async def _jobs(self, query: sa.Select[tuple[str]]) -> list[TrainingJob]:
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = await connection.execute(query)
            return [TrainingJob.model_validate_json(row.job) for row in rows]


def _progress(job: TrainingJob) -> dict[str, Any]:
    """What changes of a job while it runs, and at its end."""
    return {
        "status": job.status,
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "job": job.model_dump_json(),
        **({} if job.status in _OPEN else {"checkpoints": "{}"}),
    }


def _open_job(row: sa.Row[Any]) -> OpenJob:
    return OpenJob(
        TrainingJob.model_validate_json(row.job),
        row.holder,
        row.renewals,
        row.cancel_wanted,
        datetime.fromisoformat(row.last_turn) if row.last_turn else None,
        json.loads(row.trace_headers),
    )
