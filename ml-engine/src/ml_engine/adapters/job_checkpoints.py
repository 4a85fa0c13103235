"""JobCheckpoints in a relational database."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from backends.availability import available
from backends.sql_store import SqlStore
from ml_engine.adapters.tables import training_jobs
from ml_engine.training.ports import ClaimLost


class SqlJobCheckpoints(SqlStore):
    """A column of the job's row, which is emptied in the statement by which the job ends."""

    what = "jobs database"
    table = training_jobs

    async def of_job(self, job_id: str) -> Mapping[str, dict[str, Any]]:
        """What attempts at the job have kept so far."""
        query = sa.select(training_jobs.c.checkpoints).where(training_jobs.c.job_id == job_id)
        with available(self.what):
            async with self._reading.begin() as connection:
                return json.loads((await connection.execute(query)).scalar_one())

    async def keep(self, holder: str, job_id: str, name: str, found: Mapping[str, Any]) -> None:
        """Keep it beside the others. Raises `ClaimLost`."""
        # Only who holds the job writes them, so none comes in between.
        checkpoints = json.dumps({**await self.of_job(job_id), name: found})
        held = training_jobs.update().where(
            training_jobs.c.job_id == job_id, training_jobs.c.holder == holder
        )
        with available(self.what):
            async with self._engine.begin() as connection:
                if (await connection.execute(held.values(checkpoints=checkpoints))).rowcount == 0:
                    raise ClaimLost(job_id)
