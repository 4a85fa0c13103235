"""Typed client of ml-engine."""

from pydantic import TypeAdapter

from contracts.client import ServiceClient
from contracts.recommendations import RecommendationQuery, Recommendations
from contracts.training import ModelVersion, TrainingJob, TrainingJobRequest

_models = TypeAdapter(list[ModelVersion])


class MlEngineClient(ServiceClient):
    """Recommendations, training jobs and models."""

    async def recommend(self, tenant_id: str, query: RecommendationQuery) -> Recommendations:
        """Ranked items for a user, a history or an item."""
        path = f"/v1/tenants/{tenant_id}/recommendations"
        return Recommendations.model_validate_json(await self.request("POST", path, query))

    async def start_training(self, tenant_id: str, request: TrainingJobRequest) -> TrainingJob:
        """Queue a training job."""
        path = f"/v1/tenants/{tenant_id}/training-jobs"
        return TrainingJob.model_validate_json(await self.request("POST", path, request))

    async def training_job(self, tenant_id: str, job_id: str) -> TrainingJob:
        """How a training job stands."""
        path = f"/v1/tenants/{tenant_id}/training-jobs/{job_id}"
        return TrainingJob.model_validate_json(await self.request("GET", path))

    async def models(self, tenant_id: str) -> list[ModelVersion]:
        """The tenant's models, newest first."""
        path = f"/v1/tenants/{tenant_id}/models"
        return _models.validate_json(await self.request("GET", path))
