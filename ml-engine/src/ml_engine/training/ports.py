"""What training jobs need of the outside."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from contracts.training import TrainingJob
from ml_engine.training.messages import Failed, News, Trained, TrainingSpec

OnNews = Callable[[News], Awaitable[None]]


class TrainingRunner(Protocol):
    """Runs the training of one job somewhere else than on the event loop."""

    async def run(self, spec: TrainingSpec, on_news: OnNews) -> Trained | Failed:
        """Train to the end; a process that dies is an answer too, never an exception."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where nothing can be trained."""
        ...

    async def close(self) -> None:
        """End what is running."""
        ...


class JobStore(Protocol):
    """Keeps training jobs over restarts, for all replicas."""

    async def add(self, job: TrainingJob, trace_headers: Mapping[str, str], limit: int) -> bool:
        """Keep a new job, with the trace context of the request that asked for it.

        False, and nothing is kept, where `limit` jobs of the tenant have not ended.
        """
        ...

    async def find(self, tenant_id: str, job_id: str) -> TrainingJob | None:
        """One job of the tenant."""
        ...

    async def of_tenant(
        self, tenant_id: str, limit: int, before: tuple[datetime, str] | None = None
    ) -> Sequence[TrainingJob]:
        """Up to `limit` of the tenant's jobs, newest first.

        Those that stand after `before`, the time and id of a job, where it is given.
        """
        ...

    async def want_cancelled(self, job_id: str) -> None:
        """Let whoever holds the job know, at its next renewal, that it is to be cancelled."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where jobs cannot be kept."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job that has not ended, as one look shows it.

    `holder` is the replica that has claimed it, and `renewals` grows with each of its signs of
    life. `last_turn` is when a job of the tenant was last begun, on any replica.
    """

    job: TrainingJob
    holder: str | None = None
    renewals: int = 0
    cancel_wanted: bool = False
    last_turn: datetime | None = None
    trace_headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def claim_id(self) -> str:
        """The job is what is claimed."""
        return self.job.job_id


class ClaimLost(Exception):
    """The job is held by another replica, or has ended: what this one has to say comes too late."""


class JobClaims(Protocol):
    """Which replica runs which job: each by one at a time, who alone writes how it goes."""

    async def open_jobs(self) -> Sequence[OpenJob]:
        """All jobs that are queued or running, oldest first."""
        ...

    async def claim(self, seen: OpenJob, holder: str, job: TrainingJob) -> bool:
        """Hold a job from now on and keep it as `job`.

        False, and nothing is changed, where anything has happened to the claim since it was `seen`.
        """
        ...

    async def renew(self, holder: str, job: TrainingJob) -> bool:
        """Keep how far a held job is, and the claim; True where it is to be cancelled.

        Raises `ClaimLost`.
        """
        ...

    async def release(self, holder: str, job: TrainingJob) -> None:
        """Keep a held job as `job`, which nobody holds: it has ended, or others take it up.

        What has ended loses its checkpoints. Raises `ClaimLost`.
        """
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where jobs cannot be claimed."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class JobCheckpoints(Protocol):
    """What attempts at a job have found, until it ends."""

    async def of_job(self, job_id: str) -> Mapping[str, dict[str, Any]]:
        """What attempts at the job have kept so far, by name."""
        ...

    async def keep(self, holder: str, job_id: str, name: str, found: Mapping[str, Any]) -> None:
        """Keep what a step of a held job has found, beside what is kept. Raises `ClaimLost`."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where nothing can be kept."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...
