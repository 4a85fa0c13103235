"""The composition root: builds data-pipeline out of its settings."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from fastapi import FastAPI
from starlette.routing import Route

from backends.database import database_file, migrate, open_engine
from backends.embedded.checkpoints import background_checkpoints
from backends.embedded.feature_reader import SqliteFeatureReader
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.object_store import UrlObjectStore
from backends.ports import PortUnavailable
from backends.snapshots import SnapshotStore
from data_pipeline.adapters.catalogue_log import SqlCatalogueLog
from data_pipeline.adapters.event_log import SqlEventLog
from data_pipeline.http import records, snapshots
from data_pipeline.http.errors import add_error_handlers
from data_pipeline.http.state import Pipeline, State
from data_pipeline.load.projection import FeatureProjection
from data_pipeline.services.ingestion import Ingestion
from data_pipeline.services.snapshots import Snapshots
from data_pipeline.settings import Settings
from instrumentation.database import instrument_engine
from instrumentation.health import HealthCheck, health_routes
from instrumentation.middleware import TelemetryMiddleware
from instrumentation.ports import observed
from instrumentation.telemetry import Telemetry, start_telemetry
from web.body_limit import BodyLimit
from web.service_token import ServiceTokenGuard

SERVICE: Final = "data-pipeline"
MIGRATIONS: Final = Path(__file__).parent / "migrations"

PortT = TypeVar("PortT")


def system_clock() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def build_app(settings: Settings, now_ms: Callable[[], int] = system_clock) -> FastAPI:
    """The service; what it holds is opened and closed with its lifespan."""
    telemetry = start_telemetry(settings, SERVICE)
    readiness = _Readiness()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[State]:
        async with AsyncExitStack() as stack:
            stack.callback(telemetry.close)
            yield {"pipeline": await _open(stack, settings, telemetry, readiness, now_ms)}

    app = FastAPI(
        title=SERVICE,
        summary="Takes in events and catalogues, keeps features, freezes snapshots.",
        version=settings.service_version,
        lifespan=lifespan,
        # TelemetryMiddleware does it in one pass.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        routes=[
            *health_routes(settings, readiness.checks()),
            Route("/metrics", telemetry.metrics_endpoint()),
        ],
    )
    app.include_router(records.router)
    app.include_router(snapshots.router)
    add_error_handlers(app)
    # The last one added is the outermost.
    app.add_middleware(ServiceTokenGuard, token=settings.token())
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    app.add_middleware(
        TelemetryMiddleware,
        metrics=telemetry.metrics,
        tracing=telemetry.tracing,
        service=SERVICE,
        routes=app.routes,
    )
    return app


class _Readiness:
    """The health checks, which stand before the ports that they ask are open."""

    _NAMES = ("event_log", "catalogue", "feature_store", "feature_projection", "object_store")

    def __init__(self) -> None:
        self._pings: Mapping[str, Callable[[], Awaitable[None]]] = {}

    def checks(self) -> list[HealthCheck]:
        return [HealthCheck(name, partial(self._ping, name)) for name in self._NAMES]

    def open(self, pings: Mapping[str, Callable[[], Awaitable[None]]]) -> None:
        self._pings = pings

    async def _ping(self, name: str) -> None:
        if name not in self._pings:
            raise PortUnavailable("the service has not started")
        await self._pings[name]()


async def _open(
    stack: AsyncExitStack,
    settings: Settings,
    telemetry: Telemetry,
    readiness: _Readiness,
    now_ms: Callable[[], int],
) -> Pipeline:
    metrics, tracing = telemetry.metrics, telemetry.tracing

    def woven(port: PortT, name: str, *expected: type[Exception]) -> PortT:
        return observed(
            port, kind="store", name=name, metrics=metrics, tracing=tracing, expected=expected
        )

    engine = open_engine(settings.database(), settings.db_pool_size)
    stack.push_async_callback(engine.dispose)
    instrument_engine(engine, metrics, tracing, SERVICE)
    await migrate(engine, MIGRATIONS)
    events = woven(SqlEventLog(engine), "event_log")
    catalogue = woven(SqlCatalogueLog(engine), "catalogue")
    objects = woven(UrlObjectStore(settings.objects()), "object_store", KeyError)
    writer = woven(SqliteFeatureWriter(settings.features()), "feature_writer")
    reader = woven(SqliteFeatureReader(settings.features()), "feature_reader")
    for port in (events, catalogue, objects, writer, reader):
        stack.push_async_callback(port.close)
    files = [path for path in (database_file(engine), settings.features()) if path is not None]
    stack.enter_context(background_checkpoints(files))
    projection = FeatureProjection(events, catalogue, writer)
    stack.push_async_callback(projection.close)
    await projection.recover()
    readiness.open(
        {
            "event_log": events.ping,
            "catalogue": catalogue.ping,
            "feature_store": projection.ping,
            "feature_projection": projection.check,
            "object_store": objects.ping,
        }
    )
    return Pipeline(
        Ingestion(events, catalogue, projection, now_ms),
        Snapshots(events, catalogue, SnapshotStore(objects), now_ms),
        reader,
        metrics,
        tracing,
    )
