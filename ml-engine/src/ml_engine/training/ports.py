"""What training jobs need of the outside."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from contracts.training import TrainingJob
from ml_engine.training.messages import Failed, Progress, Trained, TrainingSpec

OnProgress = Callable[[Progress], Awaitable[None]]


class TrainingRunner(Protocol):
    """Runs the training of one job somewhere else than on the event loop."""

    async def run(self, spec: TrainingSpec, on_progress: OnProgress) -> Trained | Failed:
        """Train to the end; a process that dies is an answer too, never an exception."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where nothing can be trained."""
        ...

    async def close(self) -> None:
        """End what is running."""
        ...


class JobStore(Protocol):
    """Keeps training jobs over restarts."""

    async def save(self, job: TrainingJob) -> None:
        """Create the job or replace what is known of it."""
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

    async def unfinished(self) -> Sequence[TrainingJob]:
        """All jobs that are queued or running, oldest first."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where jobs cannot be kept."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...
