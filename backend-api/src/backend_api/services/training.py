"""Training as tenants ask for it: a snapshot of what they have sent, then a job on it."""

from contracts.data_pipeline import DataPipelineClient
from contracts.ml_engine import MlEngineClient
from contracts.snapshots import TrainingData
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

    async def data(self, tenant_id: str) -> TrainingData:
        """How much there is to train from. Raises `DependencyUnavailable`."""
        return await self._data_pipeline.training_data(tenant_id)

    async def newest_job(self, tenant_id: str) -> TrainingJob | None:
        """The job that was started last. Raises `DependencyUnavailable`."""
        page = await self._ml_engine.training_jobs(tenant_id, limit=1)
        return page.data[0] if page.data else None
