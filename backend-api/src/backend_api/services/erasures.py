"""Erasure of a user everywhere, with a receipt that is counted and not assumed."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Protocol

from backend_api.domain.erasures import Erasure, user_id_hash
from backend_api.domain.product_errors import ErasureNotFound
from backend_api.domain.product_ports import ErasureStore, UserAnswers
from backend_api.domain.recommendations import new_recommendation_id
from backend_api.services.fallbacks import Fallbacks, User
from backend_api.services.recommendation_log import RecommendationLog
from backend_api.services.stored_users import stored_user
from contracts.data_pipeline import DataPipelineClient
from contracts.users import ErasedPlace

NEWEST: Final = "g"
"""Sorts after every erasure id, which is hexadecimal."""


class PersonalPlace(Protocol):
    """A place of this service that may hold something of a user."""

    @property
    def name(self) -> str:
        """What a receipt calls it."""
        ...

    async def erase(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """Remove what is there of these users; how many things."""
        ...

    async def count(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """How many things are there of these users."""
        ...


@dataclass(frozen=True)
class LoggedAnswers:
    """The log of recommendations, written or still waiting."""

    answers: UserAnswers
    log: RecommendationLog
    name: str = "recommendation log"

    async def erase(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """Remove the answers to these users, those in memory first: none may follow later."""
        waiting = await self.log.forget(tenant_id, user_ids)
        return waiting + await self.answers.erase(tenant_id, user_ids)

    def users(self) -> Collection[User]:
        """To whom answers wait in memory."""
        return self.log.users()

    async def count(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """How many answers to these users are kept."""
        return await self.answers.count(tenant_id, user_ids)


@dataclass(frozen=True)
class FallbackAnswers:
    """The last answers that stand in while the model cannot be asked."""

    fallbacks: Fallbacks
    name: str = "fallback answers"

    async def erase(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """Forget the answers to these users."""
        return self.fallbacks.forget(tenant_id, user_ids)

    def users(self) -> Collection[User]:
        """Of whom there is something."""
        return self.fallbacks.users()

    async def count(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """How many answers to these users are kept."""
        return self.fallbacks.count(tenant_id, user_ids)


class ErasureService:
    """Removes users; `secret` names them in receipts, `clock` gives the time in UTC."""

    def __init__(
        self,
        store: ErasureStore,
        data_pipeline: DataPipelineClient,
        places: Sequence[PersonalPlace],
        secret: bytes,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._data_pipeline = data_pipeline
        self._places = places
        self._secret = secret
        self._clock = clock

    async def erase(self, tenant_id: str, user_id: str) -> Erasure:
        """Remove all that is stored of a user, and of the ids merged into it.

        Whatever cuts it off, asking again completes it under the same receipt.

        Raises:
            DependencyUnavailable: data-pipeline does not answer.
            PortUnavailable: the service's own storage does not answer.
        """
        # data-pipeline forgets which ids were merged, so their traces here go first.
        user_ids = await self._all_ids(tenant_id, user_id)
        erasure = await self._store.begin(self._new(tenant_id, *user_ids))
        removed = [await place.erase(tenant_id, user_ids) for place in self._places]
        erased = await self._data_pipeline.erase_user(tenant_id, user_id)
        own = [
            ErasedPlace(
                place=place.name, removed=gone, remaining=await place.count(tenant_id, user_ids)
            )
            for place, gone in zip(self._places, removed, strict=True)
        ]
        done = replace(erasure, completed_at=self._clock(), places=(*erased.places, *own))
        await self._store.complete(done)
        return done

    def _new(self, tenant_id: str, user_id: str, *merged_ids: str) -> Erasure:
        now = self._clock()
        return Erasure(
            new_recommendation_id(),
            tenant_id,
            user_id_hash(self._secret, tenant_id, user_id),
            now,
            merged_id_hashes=frozenset(
                user_id_hash(self._secret, tenant_id, one) for one in merged_ids
            ),
            begun_at=now,
        )

    async def get(self, tenant_id: str, erasure_id: str) -> Erasure:
        """A receipt. Raises `ErasureNotFound`."""
        erasure = await self._store.find(tenant_id, erasure_id)
        if erasure is None or erasure.completed_at is None:
            raise ErasureNotFound(erasure_id)
        return erasure

    async def list_before(self, tenant_id: str, erasure_id: str, limit: int) -> Sequence[Erasure]:
        """Up to `limit` receipts from before that one, newest first."""
        return await self._store.list_before(tenant_id, erasure_id, limit)

    async def _all_ids(self, tenant_id: str, user_id: str) -> list[str]:
        data = await stored_user(self._data_pipeline, tenant_id, user_id)
        return [user_id, *(data.merged_from if data else [])]
