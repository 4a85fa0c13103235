"""What the product's routes work with."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from backend_api.http.reports import Reports
from backend_api.services.batch_recommendations import BatchRecommendationService
from backend_api.services.erasures import ErasureService
from backend_api.services.exports import ExportService
from backend_api.services.recommendations import RecommendationService
from backend_api.services.records import RecordService
from backend_api.services.scenarios import ScenarioService
from backend_api.services.schedules import ScheduleService
from backend_api.services.training import TrainingService
from contracts.data_pipeline import DataPipelineClient
from contracts.ml_engine import MlEngineClient


@dataclass(frozen=True, slots=True)
class Product:
    """The use cases of recommendations, records, training and privacy.

    What another service does alone is asked of its client.
    """

    recommendations: RecommendationService
    batches: BatchRecommendationService
    scenarios: ScenarioService
    records: RecordService
    training: TrainingService
    schedules: ScheduleService
    erasures: ErasureService
    exports: ExportService
    data_pipeline: DataPipelineClient
    ml_engine: MlEngineClient
    reports: Reports


async def _product(request: Request) -> Product:
    return cast("Product", request.state.services.product)


Provided = Annotated[Product, Depends(_product)]
