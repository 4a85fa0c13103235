"""The product: recommendations, records, training and privacy, over the services behind."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from backend_api.adapters.erasure_store import SqlErasureStore, read_erasure_secret
from backend_api.adapters.idempotent_answers import SqlIdempotentAnswers
from backend_api.adapters.recommendation_log_store import SqlRecommendationLogStore
from backend_api.adapters.recommender import ML_ENGINE, MlEngineRecommender
from backend_api.adapters.record_intake import DATA_PIPELINE, DataPipelineIntake
from backend_api.adapters.scenario_store import SqlScenarioStore
from backend_api.adapters.schedule_store import SqlScheduleStore
from backend_api.adapters.service_calls import ServiceCalls, guarded
from backend_api.bootstrap.background import in_background
from backend_api.bootstrap.ports import Pingable
from backend_api.domain.access import Clock
from backend_api.domain.circuit_breaker import CircuitBreaker
from backend_api.domain.errors import CircuitOpen, DomainError, RefusedByService
from backend_api.http.product_state import Product
from backend_api.http.reports import Reports
from backend_api.services.batch_recommendations import BatchRecommendationService
from backend_api.services.erasures import ErasureService, FallbackAnswers, LoggedAnswers
from backend_api.services.erasures_elsewhere import ErasuresElsewhere
from backend_api.services.exports import ExportService
from backend_api.services.fallbacks import Fallbacks
from backend_api.services.popular_lists import PopularLists
from backend_api.services.recommendation_log import RecommendationLog
from backend_api.services.recommendations import RecommendationService
from backend_api.services.records import RecordService
from backend_api.services.scenarios import ScenarioService
from backend_api.services.schedules import ScheduleService
from backend_api.services.training import TrainingService
from backend_api.settings import Settings
from backends.http_transport import HttpTransport
from backends.ports import Cache, PortUnavailable
from backends.scaled.redis_cache import RedisCache
from contracts.data_pipeline import DataPipelineClient
from contracts.ml_engine import MlEngineClient
from contracts.transport import Transport
from instrumentation.ports import observed
from instrumentation.propagation import inject
from instrumentation.redis import redis_attributes
from instrumentation.telemetry import Telemetry

UPLOAD_SECONDS: Final = 3_600.0
"""How long the upload of an import may take; the transport bounds the wait for each chunk."""
SNAPSHOT_SECONDS: Final = 300.0
PortT = TypeVar("PortT")
_SERVICE: Final = "service"


@dataclass(frozen=True, slots=True)
class OpenedProduct:
    """The use cases of the product; `pinged` are the services that health asks."""

    services: Product
    pinged: Mapping[str, Pingable]


@dataclass(frozen=True, slots=True)
class _Neighbours:
    recommender: MlEngineRecommender
    intake: DataPipelineIntake
    ml_engine: MlEngineClient
    data_pipeline: DataPipelineClient


async def open_product(
    settings: Settings,
    telemetry: Telemetry,
    engine: AsyncEngine,
    stack: AsyncExitStack,
    clock: Clock,
    neighbours: tuple[Transport | None, Transport | None],
) -> OpenedProduct:
    """Open what the product needs; `stack` writes the last answers and closes it.

    `neighbours` replace the network to ml-engine and to data-pipeline.
    """
    reports = Reports(telemetry.metrics)
    to = _open_neighbours(settings, reports, neighbours)
    for port in (to.recommender, to.intake):
        stack.push_async_callback(port.close)
    weave = partial(_observed, telemetry)
    recommender = weave(to.recommender, _SERVICE, "ml-engine")
    ml_engine = weave(to.ml_engine, _SERVICE, "ml-engine")
    data_pipeline = weave(to.data_pipeline, _SERVICE, "data-pipeline")
    answers = weave(SqlRecommendationLogStore(engine), "store", "recommendation_log")
    schedules = weave(SqlScheduleStore(engine), "store", "training_schedules")
    erasures = weave(SqlErasureStore(engine), "store", "erasures")
    secret = await read_erasure_secret(engine)
    elsewhere = ErasuresElsewhere(erasures, answers, secret, clock)
    log = RecommendationLog(
        answers,
        keep=timedelta(days=settings.recommendation_log_days),
        on_lost=reports.answers_lost,
        on_written=elsewhere.written,
    )
    popular = PopularLists(
        recommender,
        timeout_seconds=settings.ml_engine_timeout_seconds,
        shared=_shared_lists(settings, telemetry, reports, stack),
    )
    fallbacks = Fallbacks(popular)
    in_memory = LoggedAnswers(answers, log), FallbackAnswers(fallbacks)
    scenarios = ScenarioService(weave(SqlScenarioStore(engine), "store", "scenarios"))
    training = TrainingService(data_pipeline, ml_engine)
    product = Product(
        recommendations=RecommendationService(
            recommender,
            scenarios,
            fallbacks,
            log,
            budget_seconds=settings.recommendation_budget_seconds,
            patience_seconds=settings.ml_engine_timeout_seconds,
        ),
        batches=BatchRecommendationService(recommender, scenarios, fallbacks, log),
        scenarios=scenarios,
        records=RecordService(
            weave(to.intake, _SERVICE, "data-pipeline"), (fallbacks.heed, reports.events_sent)
        ),
        training=training,
        schedules=ScheduleService(schedules, schedules, training, clock),
        erasures=ErasureService(
            erasures,
            data_pipeline,
            (*in_memory, SqlIdempotentAnswers(engine)),
            secret,
            clock,
        ),
        exports=ExportService(data_pipeline, answers, log),
        data_pipeline=data_pipeline,
        ml_engine=ml_engine,
        reports=reports,
    )
    await stack.enter_async_context(_written_at_the_end(log, reports))
    for name, step, wake in (
        ("recommendation log", log.write_waiting, None),
        ("recommendation log purge", log.purge_old, None),
        ("popular lists", popular.keep_fresh, None),
        ("click-through", reports.show_click_through, None),
        ("erasures of other replicas", partial(elsewhere.follow, in_memory), None),
        ("training schedules", product.schedules.run_due, product.schedules.changed),
    ):
        await stack.enter_async_context(in_background(name, step, telemetry.metrics, wake))
    # As they are: a health check that finds a service away is no error of this one.
    return OpenedProduct(product, {"ml-engine": to.recommender, "data-pipeline": to.intake})


def _shared_lists(
    settings: Settings, telemetry: Telemetry, reports: Reports, stack: AsyncExitStack
) -> Cache | None:
    if settings.redis_url is None:
        return None
    url = str(settings.redis_url)
    cache = RedisCache(url, reports.cache_away)
    stack.push_async_callback(cache.close)
    return observed(
        cache,
        kind="cache",
        name="popular_list",
        metrics=telemetry.metrics,
        tracing=telemetry.tracing,
        attributes=redis_attributes(url),
    )


def _open_neighbours(
    settings: Settings, reports: Reports, neighbours: tuple[Transport | None, Transport | None]
) -> _Neighbours:
    token = settings.token()
    seconds = settings.ml_engine_call_seconds
    to_engine = neighbours[0] or _over_http(str(settings.ml_engine_url), seconds)
    engine = MlEngineClient(to_engine, token)
    # A slow activation says nothing of recommendations, so the two have circuits apart.
    management = ServiceCalls(ML_ENGINE, seconds, _circuit("ml_engine_management", reports))
    seconds_of_pipeline = settings.data_pipeline_timeout_seconds
    to_pipeline = neighbours[1] or _over_http(str(settings.data_pipeline_url), seconds_of_pipeline)
    pipeline_circuit = _circuit(DATA_PIPELINE, reports)
    pipeline = DataPipelineClient(to_pipeline, token)
    pipeline_calls = ServiceCalls(DATA_PIPELINE, seconds_of_pipeline, pipeline_circuit)
    return _Neighbours(
        MlEngineRecommender(engine, seconds, _circuit(ML_ENGINE, reports)),
        DataPipelineIntake(pipeline, seconds_of_pipeline, pipeline_circuit),
        guarded(engine, management),
        guarded(
            pipeline,
            pipeline_calls,
            {"start_import": UPLOAD_SECONDS, "create_snapshot": SNAPSHOT_SECONDS},
        ),
    )


def _circuit(dependency: str, reports: Reports) -> CircuitBreaker:
    reports.closed_circuit(dependency)
    return CircuitBreaker(on_change=partial(reports.circuit, dependency))


def _over_http(url: str, timeout_seconds: float) -> HttpTransport:
    return HttpTransport(url, timeout_seconds=timeout_seconds, inject=inject)


def _observed(telemetry: Telemetry, port: PortT, kind: str, name: str) -> PortT:
    # A service that does not answer is an error once, and not for each call that is spared it.
    expected = (RefusedByService, CircuitOpen) if kind == _SERVICE else (DomainError,)
    return observed(
        port,
        kind=kind,
        name=name,
        metrics=telemetry.metrics,
        tracing=telemetry.tracing,
        expected=expected,
    )


@asynccontextmanager
async def _written_at_the_end(log: RecommendationLog, reports: Reports) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        waiting = len(log)
        try:
            await log.flush()
        except PortUnavailable:
            reports.answers_lost(waiting)
