"""One training job from its snapshot to a model that serves."""

import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from contracts.training import ModelVersion, TrainingJob
from ml_engine.domain.errors import TrainingFailed
from ml_engine.registry.registry import ModelRegistry
from ml_engine.training.messages import Failed, Trained, TrainingSpec
from ml_engine.training.ports import OnProgress, TrainingRunner

Deploy = Callable[[str], Awaitable[None]]
"""Lets the tenant's serving model follow the registry."""


class JobExecution:
    """Trains, publishes, promotes, deploys."""

    def __init__(
        self,
        runner: TrainingRunner,
        registry: ModelRegistry,
        scratch: Path,
        code_version: str,
        deploy: Deploy,
    ) -> None:
        self._runner = runner
        self._registry = registry
        self._scratch = scratch
        self._code_version = code_version
        self._deploy = deploy

    async def run(
        self, job: TrainingJob, trace_headers: dict[str, str], on_progress: OnProgress
    ) -> ModelVersion:
        """The model that now serves. Raises `TrainingFailed`; then the old one still serves."""
        folder = self._scratch / job.job_id
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            outcome = await self._runner.run(_spec(job, folder, trace_headers), on_progress)
            if isinstance(outcome, Failed):
                raise TrainingFailed(outcome.code, outcome.reason)
            record = self._record(job, outcome)
            await self._registry.publish(folder, record)
            await self._registry.promote(job.tenant_id, record.model_version)
            await self._deploy(job.tenant_id)
            return record
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _record(self, job: TrainingJob, trained: Trained) -> ModelVersion:
        return ModelVersion(
            # A job makes one model, so they share a name: publishing twice changes nothing.
            model_version=job.job_id,
            tenant_id=job.tenant_id,
            model_type=job.model_type,
            snapshot_id=job.snapshot_id,
            data_hash=trained.data_hash,
            seed=job.seed,
            code_version=self._code_version,
            parameters=trained.parameters,
            created_at=datetime.now(UTC),
            report=trained.report,
        )


def _spec(job: TrainingJob, folder: Path, trace_headers: dict[str, str]) -> TrainingSpec:
    return TrainingSpec(
        job_id=job.job_id,
        tenant_id=job.tenant_id,
        snapshot_id=job.snapshot_id,
        model_type=job.model_type,
        seed=job.seed,
        folder=str(folder),
        trace_headers=trace_headers,
    )
