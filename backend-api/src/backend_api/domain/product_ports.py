"""What the product's use cases need of the outside; see `ports` for access.

`ping` raises where the thing behind the port cannot be used; readiness is made of the pings.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from backend_api.domain.erasures import Erasure
from backend_api.domain.recommendations import LoggedRecommendation
from backend_api.domain.schedules import Schedule
from contracts.events import BatchResult
from contracts.public.recommendations import Scenario
from contracts.recommendations import BatchQuery, BatchRecommendations, Recommendations


class Recommender(Protocol):
    """Makes recommendations: ml-engine.

    Raises `RefusedByService` for what the caller can change, else `DependencyUnavailable`.
    """

    async def recommend(
        self, tenant_id: str, query: bytes, timeout_seconds: float
    ) -> Recommendations:
        """Ranked items for a `RecommendationQuery`, given as its JSON."""
        ...

    async def recommend_batch(self, tenant_id: str, query: BatchQuery) -> BatchRecommendations:
        """Ranked items for each of many users."""
        ...

    async def ping(self) -> None:
        """Raise `DependencyUnavailable` where nothing answers."""
        ...

    async def close(self) -> None:
        """Release the connections."""
        ...


class RecordIntake(Protocol):
    """Stores batches of records, given as their JSON: data-pipeline.

    Raises `RefusedByService` for what the caller can change, else `DependencyUnavailable`.
    """

    async def send_events(self, tenant_id: str, batch: bytes) -> BatchResult:
        """Store events; what became of each."""
        ...

    async def send_items(self, tenant_id: str, batch: bytes) -> BatchResult:
        """Create or replace items; what became of each."""
        ...

    async def send_users(self, tenant_id: str, batch: bytes) -> BatchResult:
        """Create or replace users; what became of each."""
        ...

    async def ping(self) -> None:
        """Raise `DependencyUnavailable` where nothing answers."""
        ...

    async def close(self) -> None:
        """Release the connections."""
        ...


class ScenarioStore(Protocol):
    """Keeps the tenants' scenarios."""

    async def put(self, tenant_id: str, scenario: Scenario) -> None:
        """Create or replace a scenario."""
        ...

    async def find(self, tenant_id: str, name: str) -> Scenario | None:
        """The scenario, or None."""
        ...

    async def list_after(self, tenant_id: str, name: str, limit: int) -> Sequence[Scenario]:
        """Up to `limit` scenarios whose names sort after `name`, sorted."""
        ...

    async def delete(self, tenant_id: str, name: str) -> None:
        """Forget a scenario. Raises `ScenarioNotFound`."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where scenarios cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class RecommendationLogStore(Protocol):
    """Keeps the answers that were given."""

    async def add(self, entries: Sequence[LoggedRecommendation]) -> None:
        """Keep answers: all of them or none."""
        ...

    async def find(self, tenant_id: str, recommendation_id: str) -> LoggedRecommendation | None:
        """The tenant's answer, or None."""
        ...

    async def purge(self, before_id: str, limit: int) -> int:
        """Remove up to `limit` answers whose ids sort before `before_id`; how many."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where answers cannot be kept."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class UserAnswers(Protocol):
    """The kept answers of single users."""

    async def of_users(
        self, tenant_id: str, user_ids: Sequence[str]
    ) -> Sequence[LoggedRecommendation]:
        """All answers to these users, oldest first."""
        ...

    async def count(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """How many answers are kept of these users."""
        ...

    async def erase(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """Remove all answers to these users; how many."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where answers cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class ScheduleStore(Protocol):
    """Keeps the tenants' training schedules."""

    async def put(self, schedule: Schedule) -> None:
        """Create or replace a tenant's schedule."""
        ...

    async def find(self, tenant_id: str) -> Schedule | None:
        """The tenant's schedule, or None."""
        ...

    async def delete(self, tenant_id: str) -> None:
        """Forget a tenant's schedule. Raises `ScheduleNotFound`."""
        ...

    async def earliest(self) -> Schedule | None:
        """The schedule of an active tenant that is due first."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where schedules cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class ScheduleRuns(Protocol):
    """Which replica runs what is due, and how it ended."""

    async def claim(self, schedule: Schedule, moved: Schedule) -> bool:
        """Move a due schedule on: when it is due next, when it runs next, and its error.

        False where another replica has moved or changed it already.
        """
        ...

    async def ended(self, schedule: Schedule, job_id: str | None, error: str | None) -> None:
        """Keep how the run of a claimed schedule ended; a job id of None keeps the last one."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where schedules cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class BegunErasures(Protocol):
    """Tells each replica what the others erase."""

    async def begun_since(self, moment: datetime) -> Sequence[Erasure]:
        """The erasures of all tenants that began, or began again, at `moment` or later."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where erasures cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class ErasureStore(Protocol):
    """Keeps the receipts of erasures."""

    async def begin(self, erasure: Erasure) -> Erasure:
        """Keep an erasure that begins; one of this user that was cut off begins again instead."""
        ...

    async def complete(self, erasure: Erasure) -> None:
        """Keep how an erasure ended."""
        ...

    async def find(self, tenant_id: str, erasure_id: str) -> Erasure | None:
        """The tenant's erasure, or None."""
        ...

    async def list_before(self, tenant_id: str, erasure_id: str, limit: int) -> Sequence[Erasure]:
        """Up to `limit` completed erasures whose ids sort before `erasure_id`, newest first."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where receipts cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...
