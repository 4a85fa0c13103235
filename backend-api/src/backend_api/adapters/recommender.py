"""Recommender over ml-engine's HTTP API."""

from backend_api.adapters.service_calls import PING_SECONDS, ServiceCalls, calling
from backend_api.domain.circuit_breaker import CircuitBreaker
from contracts.ml_engine import MlEngineClient
from contracts.recommendations import BatchQuery, BatchRecommendations, Recommendations

ML_ENGINE = "ml_engine"


class MlEngineRecommender:
    """Recommendations from ml-engine; a batch within `timeout_seconds`."""

    def __init__(
        self, client: MlEngineClient, timeout_seconds: float, breaker: CircuitBreaker
    ) -> None:
        self._client = client
        self._calls = ServiceCalls(ML_ENGINE, timeout_seconds, breaker)

    async def recommend(
        self, tenant_id: str, query: bytes, timeout_seconds: float
    ) -> Recommendations:
        """Ranked items for a `RecommendationQuery`, given as its JSON."""
        async with self._calls.call(timeout_seconds):
            return await self._client.recommend(tenant_id, query)

    async def recommend_batch(self, tenant_id: str, query: BatchQuery) -> BatchRecommendations:
        """Ranked items for each of many users."""
        async with self._calls.call():
            return await self._client.recommend_batch(tenant_id, query)

    async def ping(self) -> None:
        """Ask whether it is alive, whatever the circuit says."""
        async with calling(ML_ENGINE, PING_SECONDS):
            await self._client.request("GET", "/health/live")

    async def close(self) -> None:
        """Release the connections."""
        await self._client.close()
