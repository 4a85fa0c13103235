"""Training and the models that it makes."""

from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter

from contracts.pages import DEFAULT_PAGE, Page
from contracts.public.training import ScheduledTraining, TrainingRequest, TrainingSchedule
from contracts.training import ModelComparison, ModelType, ModelVersion, TrainingJob
from recommender_client.calls import Call, Plan, fetch, nothing, write
from recommender_client.groups.jobs import POLL_SECONDS, WAIT_SECONDS, until_completed
from recommender_client.listings import Pages, pages
from recommender_client.operations import Group, Operation, Paged, RunnerT

_job = TrainingJob.model_validate_json
_job_page = Page[TrainingJob].model_validate_json
_model = ModelVersion.model_validate_json
_model_page = Page[ModelVersion].model_validate_json
_schedule = ScheduledTraining.model_validate_json
_report = TypeAdapter(dict[str, Any])


class Schedule(Group[RunnerT]):
    """Training again and again."""

    @Operation
    def get(self) -> Call[ScheduledTraining]:
        """The schedule; `NotFound` where there is none."""
        return fetch(_schedule, "training-schedule")

    @Operation
    def set(
        self,
        every_hours: int | None = None,
        *,
        min_new_events: int | None = None,
        model_type: ModelType = ModelType.TWO_TOWER,
        seed: int = 0,
        max_seconds: int | None = None,
    ) -> Call[ScheduledTraining]:
        """Train again every so many hours, when so many events are new, or by either."""
        body = TrainingSchedule(
            every_hours=every_hours,
            min_new_events=min_new_events,
            model_type=model_type,
            seed=seed,
            max_seconds=max_seconds,
        )
        return write("PUT", _schedule, "training-schedule", body=body)

    @Operation
    def delete(self) -> Call[None]:
        """Train only when asked to."""
        return write("DELETE", nothing, "training-schedule")


class Training(Group[RunnerT]):
    """Training jobs, and their schedule."""

    def __init__(self, runner: RunnerT) -> None:
        super().__init__(runner)
        self.schedule: Schedule[RunnerT] = Schedule(runner)

    @Operation
    def start(
        self,
        *,
        model_type: ModelType = ModelType.TWO_TOWER,
        seed: int = 0,
        max_seconds: int | None = None,
    ) -> Call[TrainingJob]:
        """Train a model from everything that was sent so far, in `max_seconds` at most."""
        body = TrainingRequest(model_type=model_type, seed=seed, max_seconds=max_seconds)
        return write("POST", _job, "training-jobs", body=body)

    @Operation
    def wait(
        self,
        job_id: str,
        *,
        timeout_seconds: float = WAIT_SECONDS,
        poll_seconds: float = POLL_SECONDS,
        on_progress: Callable[[TrainingJob], None] | None = None,
    ) -> Plan[TrainingJob]:
        """Wait until a training is completed; `on_progress` sees the job at each look.

        Raises `JobFailed` where it failed or was cancelled, `TimedOut` where it takes longer.
        """
        return until_completed(
            lambda: fetch(_job, "training-jobs", job_id),
            timeout_seconds=timeout_seconds,
            poll_seconds=poll_seconds,
            on_progress=on_progress,
        )

    @Operation
    def get(self, job_id: str) -> Call[TrainingJob]:
        """How a training job stands."""
        return fetch(_job, "training-jobs", job_id)

    @Operation
    def cancel(self, job_id: str) -> Call[TrainingJob]:
        """End a training job; the serving model stays."""
        return write("POST", _job, "training-jobs", job_id, "cancel")

    @Paged
    def list(self, *, page_size: int = DEFAULT_PAGE) -> Pages[TrainingJob]:
        """All training jobs, newest first."""
        return pages(_job_page, "training-jobs", page_size=page_size)


class Models(Group[RunnerT]):
    """Trained models."""

    @Operation
    def get(self, model_version: str) -> Call[ModelVersion]:
        """One model, where it comes from, and its report."""
        return fetch(_model, "models", model_version)

    @Operation
    def report(self, model_version: str) -> Call[dict[str, Any]]:
        """How good a model is, beside the baselines."""
        return fetch(_report.validate_json, "models", model_version, "report")

    @Operation
    def compare(self, baseline: str, candidate: str) -> Call[ModelComparison]:
        """Two models side by side."""
        read = ModelComparison.model_validate_json
        return fetch(read, "model-comparison", baseline=baseline, candidate=candidate)

    @Operation
    def activate(self, model_version: str) -> Call[ModelVersion]:
        """Let a model serve from now on."""
        return write("POST", _model, "models", model_version, "activate")

    @Operation
    def roll_back(self) -> Call[ModelVersion]:
        """Let the model serve again that served before this one."""
        return write("POST", _model, "models", "roll-back")

    @Operation
    def pin(self, model_version: str) -> Call[ModelVersion]:
        """Keep a model, however many newer ones there are."""
        return write("PUT", _model, "models", model_version, "pin")

    @Operation
    def unpin(self, model_version: str) -> Call[ModelVersion]:
        """Keep a model no longer than others."""
        return write("DELETE", _model, "models", model_version, "pin")

    @Paged
    def list(self, *, page_size: int = DEFAULT_PAGE) -> Pages[ModelVersion]:
        """All models, newest first."""
        return pages(_model_page, "models", page_size=page_size)
