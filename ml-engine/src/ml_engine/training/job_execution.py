"""One training job from its snapshot to a model that serves."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.training import ModelVersion, TrainingJob
from ml_engine.domain.errors import ModelNotFound, TrainingFailed
from ml_engine.evaluation.promotion import check_promotion
from ml_engine.registry.registry import ModelRegistry
from ml_engine.training.messages import Failed, Trained, TrainingSpec
from ml_engine.training.ports import OnNews, TrainingRunner

Deploy = Callable[[str, str], Awaitable[ModelVersion]]
"""Lets a version of a tenant serve."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one training may take; `memory_mb` of None is no bound."""

    seconds: float
    memory_mb: int | None = None


class JobExecution:
    """Trains and publishes, which can be cancelled; then deploys, which cannot."""

    def __init__(
        self,
        runner: TrainingRunner,
        registry: ModelRegistry,
        scratch: Path,
        code_version: str,
        deploy: Deploy,
        grown: Callable[[str], None],
        budget: Budget,
    ) -> None:
        """`grown` is told of each tenant that has a model more."""
        self._runner = runner
        self._registry = registry
        self._scratch = scratch
        self._code_version = code_version
        self._deploy = deploy
        self._grown = grown
        self._budget = budget

    async def train(
        self,
        job: TrainingJob,
        trace_headers: dict[str, str],
        checkpoints: Mapping[str, dict[str, Any]],
        on_news: OnNews,
    ) -> ModelVersion:
        """A model in the registry that does not serve yet. Raises `TrainingFailed`.

        It goes on from the `checkpoints` of earlier attempts. Cancelled, it ends the training
        process and leaves no model.
        """
        await self.forget(job, job.attempts - 1)
        folder = self._scratch / _version(job)
        folder.mkdir(parents=True)
        try:
            spec = _spec(job, folder, trace_headers, checkpoints, self._budget)
            outcome = await self._runner.run(spec, on_news)
            if isinstance(outcome, Failed):
                raise TrainingFailed(outcome.code, outcome.reason)
            record = self._record(job, outcome)
            await self._publish(folder, record)
            return record
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def deploy(self, model: ModelVersion) -> ModelVersion:
        """Let the model serve.

        Raises `NotPromoted` where it does not pass the gate, and `TrainingFailed` where so many
        newer models came before it that it was not kept.
        """
        try:
            check_promotion(model, await self._serving(model.tenant_id))
            return await self._deploy(model.tenant_id, model.model_version)
        except ModelNotFound as error:
            raise TrainingFailed("model_removed", f"newer models are kept: {error}") from None
        finally:
            # Not before: it may be what a roll-back comes to.
            self._grown(model.tenant_id)

    async def discard(self, model: ModelVersion) -> None:
        """Remove a model that shall not serve."""
        await self._registry.discard(model.tenant_id, model.model_version)

    async def forget(self, job: TrainingJob, attempts: int) -> None:
        """Remove what the first `attempts` at the job have left; a model that has served stays."""
        served = await self._registry.serving_history(job.tenant_id) if attempts else []
        for attempt in range(1, attempts + 1):
            version = _version(job.model_copy(update={"attempts": attempt}))
            shutil.rmtree(self._scratch / version, ignore_errors=True)
            if version not in served:
                await self._registry.discard(job.tenant_id, version)

    async def _serving(self, tenant_id: str) -> ModelVersion | None:
        version = await self._registry.serving_version(tenant_id)
        if version is None:
            return None
        with suppress(ModelNotFound):
            return await self._registry.record(tenant_id, version)
        return None

    async def _publish(self, folder: Path, record: ModelVersion) -> None:
        try:
            await self._registry.publish(folder, record)
        except asyncio.CancelledError:
            await self._registry.discard(record.tenant_id, record.model_version)
            raise

    def _record(self, job: TrainingJob, trained: Trained) -> ModelVersion:
        return ModelVersion(
            model_version=_version(job),
            tenant_id=job.tenant_id,
            model_type=trained.model_type,
            snapshot_id=job.snapshot_id,
            data_hash=trained.data_hash,
            seed=job.seed,
            code_version=self._code_version,
            parameters=trained.parameters,
            created_at=datetime.now(UTC),
            report=trained.report,
        )


def _version(job: TrainingJob) -> str:
    """The name of the model that this attempt at the job makes.

    A replica that was held up may still be at an earlier attempt: their files never mix.
    """
    return job.job_id if job.attempts <= 1 else f"{job.job_id}-{job.attempts}"


def _spec(
    job: TrainingJob,
    folder: Path,
    trace_headers: dict[str, str],
    checkpoints: Mapping[str, dict[str, Any]],
    budget: Budget,
) -> TrainingSpec:
    return TrainingSpec(
        job_id=job.job_id,
        tenant_id=job.tenant_id,
        snapshot_id=job.snapshot_id,
        model_type=job.model_type,
        seed=job.seed,
        folder=str(folder),
        trace_headers=trace_headers,
        max_seconds=min(job.max_seconds or budget.seconds, budget.seconds),
        max_memory_mb=budget.memory_mb,
        checkpoints=dict(checkpoints),
    )
