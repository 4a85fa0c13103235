"""Recommendations for the callers of the public API, one question at a time."""

from datetime import UTC, datetime

from backend_api.domain.errors import DependencyUnavailable
from backend_api.domain.product_ports import Recommender
from backend_api.domain.recommendations import (
    LoggedRecommendation,
    Served,
    new_recommendation_id,
)
from backend_api.services.fallbacks import Fallbacks, Question
from backend_api.services.recommendation_log import RecommendationLog
from backend_api.services.scenarios import ScenarioService
from contracts.public.recommendations import RecommendationRequest, ServedRecommendations
from contracts.recommendations import Recommendations

_NOT_ASKED_ON = {"scenario"}


class RecommendationService:
    """Asks the recommender, falls back where it does not answer, and logs what went out.

    Where something can stand in for the answer, the recommender has `budget_seconds` for it;
    where nothing can, waiting on for `patience_seconds` is better than no answer at all.
    """

    def __init__(
        self,
        recommender: Recommender,
        scenarios: ScenarioService,
        fallbacks: Fallbacks,
        log: RecommendationLog,
        *,
        budget_seconds: float,
        patience_seconds: float,
    ) -> None:
        self._recommender = recommender
        self._scenarios = scenarios
        self._fallbacks = fallbacks
        self._log = log
        self._budget_seconds = budget_seconds
        self._patience_seconds = patience_seconds

    async def recommend(self, tenant_id: str, request: RecommendationRequest) -> Served:
        """Ranked items of the tenant.

        Raises:
            ScenarioNotFound: the tenant has no such scenario.
            RefusedByService: such as for an unknown item.
            DependencyUnavailable: the recommender does not answer, and nothing can stand in.
        """
        asked = json_of(request)
        if request.scenario is None:
            query, wire = request, asked
        else:
            query = await self._scenarios.applied(
                tenant_id, request.scenario, request, RecommendationRequest
            )
            wire = json_of(query, _NOT_ASKED_ON)
        question = (tenant_id, query.user_id, wire)
        served = await self._answer(question, query)
        self._log.add(
            LoggedRecommendation(
                served.answer.recommendation_id,
                tenant_id,
                query.user_id,
                datetime.now(UTC),
                asked,
                served.content,
            )
        )
        return served

    async def find(self, tenant_id: str, recommendation_id: str) -> LoggedRecommendation:
        """An answer that was given before. Raises `RecommendationNotFound`."""
        return await self._log.find(tenant_id, recommendation_id)

    async def _answer(self, question: Question, query: RecommendationRequest) -> Served:
        tenant_id, _, wire = question
        replaceable = self._fallbacks.can_answer(question, query)
        timeout = self._budget_seconds if replaceable else self._patience_seconds
        try:
            found = await self._recommender.recommend(tenant_id, wire, timeout)
        except DependencyUnavailable as error:
            recommendation_id = new_recommendation_id()
            if not replaceable:
                await self._fallbacks.look_up(tenant_id, query)
            answer = self._fallbacks.answer(question, query, recommendation_id)
            if answer is None:
                raise
            return Served(answer, json_of_answer(answer), error.fault)
        answer = served_now(found)
        content = json_of_answer(answer)
        self._fallbacks.remember(question, query, content)
        return Served(answer, content)


def served_now(found: Recommendations) -> ServedRecommendations:
    """A live answer with an id of its own."""
    # Validated when it was read from the wire: once is enough.
    return ServedRecommendations.model_construct(
        recommendation_id=new_recommendation_id(),
        model_version=found.model_version,
        algorithm=found.algorithm,
        items=found.items,
        skipped_pins=found.skipped_pins,
    )


def json_of(request: RecommendationRequest, exclude: set[str] | None = None) -> bytes:
    """A request as JSON, the same for the same question: what is the default is left out."""
    return request.model_dump_json(exclude_defaults=True, exclude=exclude).encode()


def json_of_answer(answer: ServedRecommendations) -> bytes:
    """An answer as it goes out."""
    return answer.model_dump_json().encode()
