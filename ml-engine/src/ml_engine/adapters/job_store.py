"""JobStore in a relational database."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from backends.availability import available
from backends.sql_store import SqlStore
from contracts.training import JobStatus, TrainingJob

metadata = sa.MetaData()

training_jobs = sa.Table(
    "training_jobs",
    metadata,
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("tenant_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False, index=True),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("job", sa.Text, nullable=False),
    sa.Index("training_jobs_of_tenant", "tenant_id", "created_at", "job_id"),
)

_UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)


class SqlJobStore(SqlStore):
    """A row per job: the job as JSON, and beside it what is searched by."""

    what = "jobs database"
    table = training_jobs

    async def save(self, job: TrainingJob) -> None:
        """Create the job or replace what is known of it."""
        values = {
            "job_id": job.job_id,
            "tenant_id": job.tenant_id,
            "status": job.status,
            "created_at": job.created_at.isoformat(),
            "job": job.model_dump_json(),
        }
        this = training_jobs.c.job_id == job.job_id
        update = training_jobs.update().where(this).values(values)
        with available(self.what):
            async with self._engine.begin() as connection:
                if (await connection.execute(update)).rowcount == 0:
                    await connection.execute(training_jobs.insert().values(values))

    async def find(self, tenant_id: str, job_id: str) -> TrainingJob | None:
        """One job of the tenant."""
        of_tenant = training_jobs.c.tenant_id == tenant_id
        query = sa.select(training_jobs.c.job).where(of_tenant, training_jobs.c.job_id == job_id)
        return next(iter(await self._select(query)), None)

    async def of_tenant(
        self, tenant_id: str, limit: int, before: tuple[datetime, str] | None = None
    ) -> Sequence[TrainingJob]:
        """The tenant's jobs, newest first."""
        key = sa.tuple_(training_jobs.c.created_at, training_jobs.c.job_id)
        query = sa.select(training_jobs.c.job).where(training_jobs.c.tenant_id == tenant_id)
        if before is not None:
            query = query.where(key < (before[0].isoformat(), before[1]))
        newest_first = (training_jobs.c.created_at.desc(), training_jobs.c.job_id.desc())
        return await self._select(query.order_by(*newest_first).limit(limit))

    async def unfinished(self) -> Sequence[TrainingJob]:
        """All jobs that are queued or running, oldest first."""
        query = sa.select(training_jobs.c.job).where(training_jobs.c.status.in_(_UNFINISHED))
        oldest_first = (training_jobs.c.created_at, training_jobs.c.job_id)
        return await self._select(query.order_by(*oldest_first))

    async def _select(self, query: sa.Select[tuple[str]]) -> list[TrainingJob]:
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = await connection.execute(query)
            return [TrainingJob.model_validate_json(row.job) for row in rows]
