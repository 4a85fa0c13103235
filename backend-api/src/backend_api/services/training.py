"""Training as tenants ask for it: a snapshot of what they have sent, then a job on it."""

from contracts.data_pipeline import DataPipelineClient
from contracts.ml_engine import MlEngineClient
from contracts.training import TrainingJob, TrainingJobRequest, TrainingParameters


class TrainingService:
    """Starts training jobs."""

    def __init__(self, data_pipeline: DataPipelineClient, ml_engine: MlEngineClient) -> None:
        self._data_pipeline = data_pipeline
        self._ml_engine = ml_engine

    async def start(self, tenant_id: str, parameters: TrainingParameters) -> TrainingJob:
        """A queued job on a snapshot of now.

        Raises:
            RefusedByService: such as for a tenant without events.
            DependencyUnavailable: one of the two services does not answer.
        """
        snapshot = await self._data_pipeline.create_snapshot(tenant_id)
        request = TrainingJobRequest(
            snapshot_id=snapshot.snapshot_id,
            **{name: getattr(parameters, name) for name in TrainingParameters.model_fields},
        )
        return await self._ml_engine.start_training(tenant_id, request)
