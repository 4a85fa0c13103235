"""The composition root: builds ml-engine out of its settings."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from secrets import token_hex
from socket import gethostname
from typing import Any, TypeVar

import faiss
from fastapi import FastAPI
from opentelemetry.util.types import AttributeValue
from threadpoolctl import threadpool_limits

from backends.database import open_engine
from backends.embedded.feature_reader import SqliteFeatureReader
from backends.migrations import prepare
from backends.object_store import UrlObjectStore
from backends.ports import FeatureReader
from backends.scaled.redis_features.reader import RedisFeatureReader
from backends.snapshot_manifests import SnapshotManifests
from instrumentation.database import instrument_engine
from instrumentation.health import HealthCheck
from instrumentation.middleware import TelemetryMiddleware
from instrumentation.ports import observed
from instrumentation.rates import Counted, Rates
from instrumentation.redis import redis_attributes
from instrumentation.telemetry import Telemetry, start_telemetry
from ml_engine.adapters.job_checkpoints import SqlJobCheckpoints
from ml_engine.adapters.job_store import SqlJobStore
from ml_engine.adapters.job_telemetry import JobTelemetry
from ml_engine.adapters.local_training import LocalTrainingRunner
from ml_engine.adapters.retention_telemetry import RetentionTelemetry
from ml_engine.adapters.retrieval_telemetry import RetrievalTelemetry
from ml_engine.adapters.serving_store import SqlServingStore
from ml_engine.adapters.version_marks import SqlVersionMarks
from ml_engine.http import models as model_routes
from ml_engine.http import recommendations, training_jobs
from ml_engine.http.errors import add_error_handlers
from ml_engine.http.state import Engine, State
from ml_engine.migrate import MIGRATIONS
from ml_engine.registry.registry import ModelRegistry
from ml_engine.registry.retention import Retention
from ml_engine.retrieval.deployment import Deployment
from ml_engine.retrieval.freshness import Freshness
from ml_engine.retrieval.recall import SearchSampler
from ml_engine.retrieval.recommender import Recommender
from ml_engine.retrieval.tenant_models import TenantModels
from ml_engine.settings import Settings
from ml_engine.training.job_execution import Budget, JobExecution
from ml_engine.training.job_queue import TrainingQueue
from ml_engine.training.job_work import JobWork
from ml_engine.training.ports import ClaimLost
from web.body_limit import BodyLimit
from web.direct_routes import DirectRouting
from web.service_token import ServiceTokenGuard

RATES = {
    "recommendations": Counted(
        "http_requests_total", {"endpoint": "/v1/tenants/{tenant}/recommendations"}
    )
}
"""What /health/deep shows of the engine's work beside requests."""

PortT = TypeVar("PortT")


class _Ports:
    """The outside of ml-engine, each port with its telemetry woven in."""

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        metrics, tracing = telemetry.metrics, telemetry.tracing

        def woven(port: PortT, name: str, **options: Any) -> PortT:
            return observed(
                port, kind="store", name=name, metrics=metrics, tracing=tracing, **options
            )

        self.engine = open_engine(settings.database(), settings.db_pool_size)
        instrument_engine(self.engine, metrics, tracing, "ml-engine")
        self.jobs = woven(
            SqlJobStore(self.engine),
            "job_store",
            expected=(ClaimLost,),
            recurring=("open_jobs", "renew"),
        )
        self.checkpoints = woven(
            SqlJobCheckpoints(self.engine), "job_checkpoints", expected=(ClaimLost,)
        )
        self.serving = woven(SqlServingStore(self.engine), "serving_store", recurring=("changes",))
        self.marks = woven(SqlVersionMarks(self.engine), "version_marks", recurring=("marked",))
        self.objects = woven(
            UrlObjectStore(settings.objects()), "object_store", expected=(KeyError,)
        )
        features, of_redis = _feature_reader(settings)
        self.features = woven(features, "feature_store", attributes=of_redis)
        self.runner = woven(
            LocalTrainingRunner(settings.objects(), settings.telemetry()), "training_runner"
        )

    def health_checks(self) -> list[HealthCheck]:
        """Readiness is the ports' pings."""
        return [
            HealthCheck("database", self.jobs.ping),
            # Models that serve are in memory.
            HealthCheck("model_registry", self.objects.ping, ready=False),
            HealthCheck("feature_store", self.features.ping),
        ]

    async def close(self) -> None:
        """Close the ports, those that work on others first."""
        for port in (self.runner, self.features, self.objects, self.jobs):
            await port.close()


def _feature_reader(settings: Settings) -> tuple[FeatureReader, Mapping[str, AttributeValue]]:
    """The reader, and what its spans say of what is behind it."""
    if settings.redis_url is None:
        return SqliteFeatureReader(settings.features()), {}
    url = str(settings.redis_url)
    return RedisFeatureReader(url), redis_attributes(url)


def build_app(settings: Settings) -> FastAPI:
    """The service; what it holds is opened and closed with its lifespan."""
    telemetry = start_telemetry(settings, "ml-engine")
    ports = _Ports(settings, telemetry)
    rates = Rates(telemetry.metrics, RATES)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[State]:
        async with AsyncExitStack() as stack:
            stack.callback(telemetry.close)
            stack.push_async_callback(ports.close)
            await prepare(ports.engine, MIGRATIONS)
            yield {"engine": await stack.enter_async_context(_engine(settings, telemetry, ports))}

    app = FastAPI(
        title="ml-engine",
        summary="Trains models, keeps the registry, retrieves and re-ranks.",
        version=settings.service_version,
        lifespan=lifespan,
        # TelemetryMiddleware does it in one pass.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        # As they were made: `include_router` would make each a second time.
        routes=[
            *telemetry.routes(ports.health_checks(), rates),
            *recommendations.router.routes,
            *training_jobs.router.routes,
            *model_routes.router.routes,
        ],
    )
    add_error_handlers(app)
    # The last one added is the outermost.
    app.add_middleware(
        DirectRouting, routes=recommendations.DIRECT_ROUTES, handlers=app.exception_handlers
    )
    app.add_middleware(ServiceTokenGuard, tokens=settings.tokens())
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    app.add_middleware(
        TelemetryMiddleware,
        metrics=telemetry.metrics,
        tracing=telemetry.tracing,
        service="ml-engine",
        routes=app.routes,
        rates=rates,
    )
    return app


@asynccontextmanager
async def _engine(
    settings: Settings, telemetry: Telemetry, ports: _Ports
) -> AsyncGenerator[Engine]:
    # One thread per search and product: more would fight over the cores with other requests.
    faiss.omp_set_num_threads(1)
    threadpool_limits(limits=1, user_api="blas")
    folder = settings.data_dir / "ml-engine"
    registry = ModelRegistry(ports.objects, ports.serving, ports.marks, folder / "models")
    removals = RetentionTelemetry(telemetry.metrics, telemetry.tracing)
    retention = Retention(registry, ports.marks, settings.models_kept, removals)
    models = TenantModels(registry, ports.features)
    job_telemetry = JobTelemetry(telemetry.metrics)
    deployment = Deployment(registry, models, job_telemetry.show_model)
    await deployment.start()
    budget = Budget(settings.training_max_seconds, settings.training_max_memory_mb)
    execution = JobExecution(
        ports.runner,
        registry,
        folder / "training",
        settings.service_version,
        deployment.activate,
        retention.grown,
        budget,
    )
    # A name that no other replica has, and none had before: what it held is not ours.
    replica = f"{gethostname()}-{token_hex(4)}"
    jobs = JobWork(ports.jobs, ports.checkpoints, execution, job_telemetry, replica)
    snapshots = SnapshotManifests(ports.objects)
    queue = TrainingQueue(ports.jobs, snapshots, jobs, settings.training_queue_limit)
    sampler = SearchSampler()
    retrieval = RetrievalTelemetry(telemetry.metrics, Freshness(models, registry), sampler)
    work = [
        deployment.follow,
        retention.work,
        retrieval.watch_vectors,
        retrieval.watch_searches,
    ]
    if settings.run_training_jobs:
        work.append(jobs.work)
    tasks = [asyncio.create_task(one()) for one in work]
    try:
        recommender = Recommender(models, ports.features, sampler)
        yield Engine(recommender, queue, registry, deployment, telemetry.metrics, telemetry.tracing)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
