"""Typed client of ml-engine."""

from urllib.parse import urlencode

from contracts.client import ServiceClient
from contracts.pages import Page
from contracts.recommendations import (
    BatchQuery,
    BatchRecommendations,
    RecommendationQuery,
    Recommendations,
)
from contracts.training import ModelComparison, ModelVersion, TrainingJob, TrainingJobRequest


class MlEngineClient(ServiceClient):
    """Recommendations, training jobs and models."""

    async def recommend(
        self, tenant_id: str, query: RecommendationQuery | bytes
    ) -> Recommendations:
        """Ranked items for a user, a history, an item or a context: a query or its JSON."""
        path = f"/v1/tenants/{tenant_id}/recommendations"
        return Recommendations.model_validate_json(await self.request("POST", path, query))

    async def recommend_batch(self, tenant_id: str, query: BatchQuery) -> BatchRecommendations:
        """Ranked items for each of many users."""
        path = f"/v1/tenants/{tenant_id}/recommendations/batch"
        return BatchRecommendations.model_validate_json(await self.request("POST", path, query))

    async def start_training(self, tenant_id: str, request: TrainingJobRequest) -> TrainingJob:
        """Queue a training job."""
        path = f"/v1/tenants/{tenant_id}/training-jobs"
        return TrainingJob.model_validate_json(await self.request("POST", path, request))

    async def training_job(self, tenant_id: str, job_id: str) -> TrainingJob:
        """How a training job stands."""
        path = f"/v1/tenants/{tenant_id}/training-jobs/{job_id}"
        return TrainingJob.model_validate_json(await self.request("GET", path))

    async def training_jobs(
        self, tenant_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[TrainingJob]:
        """The tenant's training jobs, newest first."""
        path = f"/v1/tenants/{tenant_id}/training-jobs?{_page(limit, cursor)}"
        return Page[TrainingJob].model_validate_json(await self.request("GET", path))

    async def cancel_training(self, tenant_id: str, job_id: str) -> TrainingJob:
        """End a training job that has not ended; the serving model stays."""
        path = f"/v1/tenants/{tenant_id}/training-jobs/{job_id}/cancel"
        return TrainingJob.model_validate_json(await self.request("POST", path))

    async def models(
        self, tenant_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[ModelVersion]:
        """The tenant's models, newest first."""
        path = f"/v1/tenants/{tenant_id}/models?{_page(limit, cursor)}"
        return Page[ModelVersion].model_validate_json(await self.request("GET", path))

    async def model(self, tenant_id: str, model_version: str) -> ModelVersion:
        """One model with its report."""
        path = f"/v1/tenants/{tenant_id}/models/{model_version}"
        return ModelVersion.model_validate_json(await self.request("GET", path))

    async def activate(self, tenant_id: str, model_version: str) -> ModelVersion:
        """Let a model serve from now on."""
        path = f"/v1/tenants/{tenant_id}/models/{model_version}/activate"
        return ModelVersion.model_validate_json(await self.request("POST", path))

    async def roll_back(self, tenant_id: str) -> ModelVersion:
        """Let the model serve again that served before this one."""
        path = f"/v1/tenants/{tenant_id}/models/roll-back"
        return ModelVersion.model_validate_json(await self.request("POST", path))

    async def pin(self, tenant_id: str, model_version: str) -> ModelVersion:
        """Keep a model, however many newer ones there are."""
        path = f"/v1/tenants/{tenant_id}/models/{model_version}/pin"
        return ModelVersion.model_validate_json(await self.request("PUT", path))

    async def unpin(self, tenant_id: str, model_version: str) -> ModelVersion:
        """Keep a model no longer than others."""
        path = f"/v1/tenants/{tenant_id}/models/{model_version}/pin"
        return ModelVersion.model_validate_json(await self.request("DELETE", path))

    async def compare(self, tenant_id: str, baseline: str, candidate: str) -> ModelComparison:
        """Two models' reports side by side."""
        query = urlencode({"baseline": baseline, "candidate": candidate})
        path = f"/v1/tenants/{tenant_id}/model-comparison?{query}"
        return ModelComparison.model_validate_json(await self.request("GET", path))


def _page(limit: int, cursor: str | None) -> str:
    return urlencode({"limit": limit} | ({"cursor": cursor} if cursor else {}))
