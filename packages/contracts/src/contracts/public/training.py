"""Training as tenants ask for it."""

from typing import Annotated, Final, Self

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue, model_validator

from contracts.training import TrainingParameters


class TrainingRequest(TrainingParameters):
    """Train a model from everything that the tenant has sent so far."""


_ONE_AT_LEAST: Final[list[JsonValue]] = [
    {"required": [name], "properties": {name: {"type": "integer"}}}
    for name in ("every_hours", "min_new_events")
]


class TrainingSchedule(TrainingParameters):
    """Train again every so many hours, or when so many events are new since the last snapshot.

    One of the two is given at least; of both, whichever comes first counts.
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": _ONE_AT_LEAST})

    every_hours: Annotated[int, Field(ge=1, le=24 * 90)] | None = None
    min_new_events: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if self.every_hours is None and self.min_new_events is None:
            raise ValueError("give every_hours, min_new_events, or both")
        return self


class ScheduledTraining(TrainingSchedule):
    """A schedule, and what it does next; `last_error` says why the last run made no job.

    `next_run_at` is when it runs at the latest, null without `every_hours`.
    """

    next_run_at: AwareDatetime | None = None
    last_job_id: str | None = None
    last_error: str | None = None
