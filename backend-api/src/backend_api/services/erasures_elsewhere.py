"""Erasures that another replica carries out: what this one keeps of the users goes as well."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from backend_api.domain.erasures import Erasure, erased_among
from backend_api.domain.product_ports import BegunErasures, UserAnswers
from backend_api.domain.recommendations import LoggedRecommendation
from backend_api.services.fallbacks import User
from backends.ports import PortUnavailable

LOOK_SECONDS: Final = 2.0
LOOK_BACK: Final = timedelta(minutes=2)
"""By how much the clocks of replicas may differ, and how long a request may take."""

SETTLED: Final = timedelta(seconds=30)
"""So long after the begin of an erasure no request of before it is under way any more."""


class PersonalMemory(Protocol):
    """What this replica alone holds of users."""

    def users(self) -> Collection[User]:
        """Of whom there is something."""
        ...

    async def erase(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """Remove what is there of these users; how many things."""
        ...


class ErasuresElsewhere:
    """Follows the erasures that all replicas begin; `secret` is that by which they name users.

    Memory is cleared within seconds, and again once no request of before can fill it. An answer
    that this replica writes into the log while its user is erased goes again at once: an erasure
    that begins before the answer is written is found afterwards, and one that begins later finds
    the answer itself.
    """

    def __init__(
        self,
        begun: BegunErasures,
        answers: UserAnswers,
        secret: bytes,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._begun = begun
        self._answers = answers
        self._secret = secret
        self._clock = clock
        self._written: set[User] = set()
        self._followed: set[tuple[str, datetime | None, bool]] = set()

    async def written(self, entries: Iterable[LoggedRecommendation]) -> None:
        """Answers are in the log. Raises `PortUnavailable`; the next look goes on with them."""
        self._written |= {(one.tenant_id, one.user_id) for one in entries if one.user_id}
        await self._remove_written(await self._recent())

    async def follow(self, memories: Sequence[PersonalMemory]) -> float:
        """Forget whom others erase; how many seconds until the next time."""
        with suppress(PortUnavailable):
            recent = await self._recent()
            await self._remove_written(recent)
            known = {(one.erasure_id, one.begun_at, self._is_settled(one)): one for one in recent}
            new = [known[key] for key in known.keys() - self._followed]
            for memory in memories if new else ():
                for tenant_id, user_ids in (await self._among(memory.users(), new)).items():
                    await memory.erase(tenant_id, list(user_ids))
            self._followed = set(known)
        return LOOK_SECONDS

    def _is_settled(self, erasure: Erasure) -> bool:
        return erasure.begun_at is not None and erasure.begun_at + SETTLED < self._clock()

    async def _recent(self) -> Sequence[Erasure]:
        return await self._begun.begun_since(self._clock() - LOOK_BACK)

    async def _remove_written(self, recent: Sequence[Erasure]) -> None:
        users = set(self._written)
        for tenant_id, user_ids in (await self._among(users, recent)).items():
            await self._answers.erase(tenant_id, list(user_ids))
        self._written -= users

    async def _among(
        self, users: Collection[User], erasures: Collection[Erasure]
    ) -> dict[str, set[str]]:
        if not users or not erasures:
            return {}
        # In a thread: a hash for each of very many users.
        return await asyncio.to_thread(erased_among, users, erasures, self._secret)
