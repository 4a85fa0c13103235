"""Recommendations for many users at once."""

from datetime import UTC, datetime
from typing import Any

import orjson

from backend_api.domain.errors import DependencyUnavailable
from backend_api.domain.product_ports import Recommender
from backend_api.domain.recommendations import (
    LoggedRecommendation,
    Served,
    new_recommendation_id,
)
from backend_api.services.fallbacks import Fallbacks
from backend_api.services.recommendation_log import RecommendationLog
from backend_api.services.recommendations import json_of, json_of_answer, served_now
from backend_api.services.scenarios import ScenarioService
from contracts.public.recommendations import BatchRecommendationRequest, RecommendationRequest
from contracts.recommendations import BatchQuery


class BatchRecommendationService:
    """Asks for all users of a batch together; degraded, each gets what stands in for theirs."""

    def __init__(
        self,
        recommender: Recommender,
        scenarios: ScenarioService,
        fallbacks: Fallbacks,
        log: RecommendationLog,
    ) -> None:
        self._recommender = recommender
        self._scenarios = scenarios
        self._fallbacks = fallbacks
        self._log = log

    async def recommend(self, tenant_id: str, request: BatchRecommendationRequest) -> list[Served]:
        """One answer for each user of the batch, in its order.

        Raises:
            ScenarioNotFound: the tenant has no such scenario.
            RefusedByService: the question is refused.
            DependencyUnavailable: the recommender does not answer, and for at least one of the
                users nothing can stand in.
        """
        query = request
        if request.scenario is not None:
            query = await self._scenarios.applied(
                tenant_id, request.scenario, request, BatchRecommendationRequest
            )
        served = await self._answers(tenant_id, query)
        self._keep(tenant_id, request, served)
        return served

    async def _answers(self, tenant_id: str, query: BatchRecommendationRequest) -> list[Served]:
        options = _options(query)
        wire = BatchQuery.model_construct(user_ids=query.user_ids, **options)
        try:
            found = await self._recommender.recommend_batch(tenant_id, wire)
        except DependencyUnavailable as error:
            asked = RecommendationRequest.model_construct(**options)
            await self._fallbacks.look_up(tenant_id, asked)
            return [
                self._replaced(tenant_id, user_id, options, error) for user_id in query.user_ids
            ]
        answers = [served_now(one) for one in found.answers]
        return [Served(answer, json_of_answer(answer)) for answer in answers]

    def _replaced(
        self, tenant_id: str, user_id: str, options: dict[str, Any], error: DependencyUnavailable
    ) -> Served:
        query = RecommendationRequest.model_construct(user_id=user_id, **options)
        question = (tenant_id, user_id, json_of(query))
        answer = self._fallbacks.answer(question, query, new_recommendation_id())
        if answer is None:
            raise error
        return Served(answer, json_of_answer(answer), error.fault)

    def _keep(
        self, tenant_id: str, request: BatchRecommendationRequest, served: list[Served]
    ) -> None:
        now = datetime.now(UTC)
        asked = request.model_dump_json(exclude_defaults=True, exclude={"user_ids"}).encode()
        for user_id, one in zip(request.user_ids, served, strict=True):
            entry = LoggedRecommendation(
                one.answer.recommendation_id,
                tenant_id,
                user_id,
                now,
                with_user(user_id, asked),
                one.content,
            )
            self._log.add(entry)


def with_user(user_id: str, content: bytes) -> bytes:
    """A JSON object with the user's id as its first member."""
    member = b'{"user_id":' + orjson.dumps(user_id)
    return member + (b"}" if content == b"{}" else b"," + content[1:])


def _options(query: BatchRecommendationRequest) -> dict[str, Any]:
    names = query.model_fields_set - {"user_ids", "scenario"}
    return {name: getattr(query, name) for name in names}
