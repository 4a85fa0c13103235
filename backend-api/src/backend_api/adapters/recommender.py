"""Recommender over ml-engine's HTTP API."""

from typing import Final

from backend_api.adapters.service_calls import calling
from contracts.ml_engine import MlEngineClient
from contracts.recommendations import RecommendationQuery, Recommendations

ML_ENGINE: Final = "ml_engine"


class MlEngineRecommender:
    """Recommendations from ml-engine, each within `timeout_seconds`."""

    def __init__(self, client: MlEngineClient, timeout_seconds: float) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds

    async def recommend(self, tenant_id: str, query: RecommendationQuery) -> Recommendations:
        """Ranked items for a user, a history or an item."""
        async with calling(ML_ENGINE, self._timeout_seconds):
            return await self._client.recommend(tenant_id, query)

    async def ping(self) -> None:
        """Ask whether it is alive."""
        async with calling(ML_ENGINE, self._timeout_seconds):
            await self._client.request("GET", "/health/live")

    async def close(self) -> None:
        """Release the connections."""
        await self._client.close()
