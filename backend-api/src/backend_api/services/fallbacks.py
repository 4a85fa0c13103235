"""What stands in for a live answer: this question's last one, or what is popular."""

from collections.abc import Iterable
from typing import Final

from backend_api.domain.expiring import ExpiringMap
from backend_api.services.popular_lists import PopularLists
from contracts.public.recommendations import ServedRecommendations
from contracts.recommendations import RecommendationQuery

CACHE_SECONDS: Final = 3_600.0
MAX_CACHE_BYTES: Final = 64 * 1024 * 1024
Question = tuple[str, str | None, bytes]
"""Tenant id, user id, and the JSON of the query."""


class Fallbacks:
    """Answers while the model cannot be asked; in memory only, so a new process knows none."""

    def __init__(self, popular: PopularLists, *, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._popular = popular
        self._last: ExpiringMap[Question, bytes] = ExpiringMap(
            max_weight=max_bytes, ttl_seconds=CACHE_SECONDS, weight=len
        )

    def remember(self, question: Question, query: RecommendationQuery, content: bytes) -> None:
        """Keep the JSON of a live answer as this question's last one."""
        self._last.put(question, content)
        self._popular.want(question[0], query)

    def can_answer(self, question: Question, query: RecommendationQuery) -> bool:
        """Whether there would be an answer."""
        return self._last.get(question) is not None or self._popular.knows(question[0], query)

    def answer(
        self, question: Question, query: RecommendationQuery, recommendation_id: str
    ) -> ServedRecommendations | None:
        """The best answer there is; None where none honours what is asked."""
        content = self._last.get(question)
        if content is not None:
            last = ServedRecommendations.model_validate_json(content)
            changes = {"degraded": "cached", "recommendation_id": recommendation_id}
            return last.model_copy(update=changes)
        found = self._popular.answer(question[0], query)
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

    def count(self, tenant_id: str, user_ids: Iterable[str]) -> int:
        """How many answers to these users are kept."""
        return len(self._of(tenant_id, user_ids))

    def forget(self, tenant_id: str, user_ids: Iterable[str]) -> int:
        """Forget the answers to these users; how many."""
        found = self._of(tenant_id, user_ids)
        for question in found:
            self._last.remove(question)
        return len(found)

    def _of(self, tenant_id: str, user_ids: Iterable[str]) -> list[Question]:
        users = set(user_ids)
        return [key for key in self._last if key[0] == tenant_id and key[1] in users]
