"""What stands in for a live answer: this question's last one, or what is popular.

Neither holds what the user did meanwhile: an event has its effect on these answers as well.
"""

from collections.abc import Collection, Iterable
from itertools import islice
from typing import Final

from backend_api.domain.expiring import ExpiringMap
from backend_api.domain.sent_events import SentEvent
from backend_api.services.popular_lists import PopularLists
from contracts.events import EventType
from contracts.public.recommendations import ServedRecommendations
from contracts.recommendations import RecommendationQuery, RecommendedItem

CACHE_SECONDS: Final = 3_600.0
MAX_CACHE_BYTES: Final = 64 * 1024 * 1024
MAX_SEEN_ITEMS: Final = 50
"""How many of a user's newest items are heeded."""

MAX_SEEN: Final = 500_000
"""How many items of all users together are heeded."""

User = tuple[str, str]
"""Tenant id and user id."""

Question = tuple[str, str | None, bytes]
"""Tenant id, user id, and the JSON of the query."""


class Fallbacks:
    """Answers while the model cannot be asked.

    Last answers are in memory only, so a new process knows none of them.
    """

    def __init__(self, popular: PopularLists, *, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._popular = popular
        self._last: ExpiringMap[Question, bytes] = ExpiringMap(
            max_weight=max_bytes, ttl_seconds=CACHE_SECONDS, weight=len
        )
        self._seen: ExpiringMap[User, tuple[str, ...]] = ExpiringMap(
            max_weight=MAX_SEEN, ttl_seconds=CACHE_SECONDS, weight=len
        )

    def heed(self, tenant_id: str, events: Iterable[SentEvent]) -> None:
        """Leave out of these users' answers from now on what they had to do with."""
        for event in events:
            # What was only shown is not seen, to the model as well.
            if event.event_type != EventType.IMPRESSION:
                user = (tenant_id, event.user_id)
                seen = (*(self._seen.get(user) or ()), event.item_id)
                self._seen.put(user, seen[-MAX_SEEN_ITEMS:])

    def remember(self, question: Question, query: RecommendationQuery, content: bytes) -> None:
        """Keep the JSON of a live answer as this question's last one."""
        self._last.put(question, content)
        self._popular.want(question[0], query)

    def can_answer(self, question: Question, query: RecommendationQuery) -> bool:
        """Whether there would be an answer."""
        return self._last.get(question) is not None or self._popular.knows(question[0], query)

    async def look_up(self, tenant_id: str, query: RecommendationQuery) -> None:
        """Learn from other replicas what is popular, where it is not known here."""
        await self._popular.look_up(tenant_id, query)

    def answer(
        self, question: Question, query: RecommendationQuery, recommendation_id: str
    ) -> ServedRecommendations | None:
        """The best answer there is; None where none honours what is asked."""
        tenant_id, user_id, _ = question
        seen = (self._seen.get((tenant_id, user_id)) if user_id is not None else None) or ()
        found = self._popular.answer(tenant_id, query, seen)
        content = self._last.get(question)
        if content is not None:
            last = ServedRecommendations.model_validate_json(content)
            changes = {
                "degraded": "cached",
                "recommendation_id": recommendation_id,
                "items": _without(seen, last.items, query, found.items if found else ()),
            }
            return last.model_copy(update=changes)
        if found is None:
            return None
        return ServedRecommendations.model_construct(
            recommendation_id=recommendation_id,
            model_version=found.model_version,
            algorithm=found.algorithm,
            degraded="popular",
            items=found.items,
            skipped_pins=found.skipped_pins,
        )

    def users(self) -> set[User]:
        """Whose answers or items are kept."""
        asked = {(question[0], question[1]) for question in self._last if question[1] is not None}
        return asked | set(self._seen)

    def count(self, tenant_id: str, user_ids: Iterable[str]) -> int:
        """How many answers to these users are kept, and lists of what they did."""
        users = set(user_ids)
        seen = sum((tenant_id, user_id) in self._seen for user_id in users)
        return len(self._of(tenant_id, users)) + seen

    def forget(self, tenant_id: str, user_ids: Iterable[str]) -> int:
        """Forget the answers to these users and what they did; how many."""
        users = set(user_ids)
        count = self.count(tenant_id, users)
        for question in self._of(tenant_id, users):
            self._last.remove(question)
        for user_id in users:
            self._seen.remove((tenant_id, user_id))
        return count

    def _of(self, tenant_id: str, users: set[str]) -> list[Question]:
        return [key for key in self._last if key[0] == tenant_id and key[1] in users]


def _without(
    seen: Collection[str],
    items: list[RecommendedItem],
    query: RecommendationQuery,
    popular: Iterable[RecommendedItem],
) -> list[RecommendedItem]:
    """The items but for those that were seen, in whose place popular ones come at the end."""
    if not seen or not query.exclude_seen:
        return items
    pinned = {pin.item_id for pin in query.pins}
    kept = [item for item in items if item.item_id not in seen or item.item_id in pinned]
    known = {item.item_id for item in kept}
    # What both lists may hold of a category together is not for two lists to say.
    others = (item for item in popular if item.item_id not in known and not query.caps)
    return [*kept, *islice(others, len(items) - len(kept))]
