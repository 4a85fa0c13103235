"""Recommendations for the callers of the public API."""

from backend_api.domain.ports import Recommender
from backend_api.domain.recommendations import ServedRecommendations, new_recommendation_id
from contracts.recommendations import RecommendationQuery


class RecommendationService:
    """Asks the recommender, and gives each answer an id."""

    def __init__(self, recommender: Recommender) -> None:
        self._recommender = recommender

    async def recommend(self, tenant_id: str, query: RecommendationQuery) -> ServedRecommendations:
        """Ranked items of the tenant.

        Raises:
            RefusedByService: such as for an unknown item.
            DependencyUnavailable: the recommender does not answer.
        """
        answer = await self._recommender.recommend(tenant_id, query)
        # Validated when it was read from the wire: once is enough.
        return ServedRecommendations.model_construct(
            recommendation_id=new_recommendation_id(),
            model_version=answer.model_version,
            algorithm=answer.algorithm,
            items=answer.items,
        )
