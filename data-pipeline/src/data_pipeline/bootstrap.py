"""The composition root: builds data-pipeline out of its settings."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from backends.database import close_engine, database_file, migrate, open_engine
from backends.embedded.checkpoints import background_checkpoints
from backends.embedded.feature_reader import SqliteFeatureReader
from backends.embedded.feature_schema import HISTORY_LENGTH
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.object_store import UrlObjectStore
from backends.ports import PortUnavailable
from backends.snapshots import SnapshotStore
from data_pipeline.adapters.catalogue_log import SqlCatalogueLog
from data_pipeline.adapters.corrections import SqlCorrections
from data_pipeline.adapters.event_archive import SqlEventArchive
from data_pipeline.adapters.event_log import SqlEventLog
from data_pipeline.adapters.event_type_store import SqlEventTypeStore
from data_pipeline.adapters.import_book import SqlImportBook, SqlImportQueue
from data_pipeline.adapters.import_erasures import SqlErasedUsers
from data_pipeline.adapters.import_spool import FolderSpool
from data_pipeline.adapters.import_telemetry import ImportTelemetry
from data_pipeline.adapters.item_store import SqlItemStore
from data_pipeline.adapters.person_store import SqlPersonStore
from data_pipeline.adapters.user_store import SqlUserStore
from data_pipeline.domain.errors import DomainError
from data_pipeline.http import event_types, events, imports, items, records, snapshots, users
from data_pipeline.http.errors import add_error_handlers
from data_pipeline.http.state import Pipeline, State
from data_pipeline.load.projection import FeatureProjection
from data_pipeline.services.erasure import Erasure
from data_pipeline.services.event_types import EventTypes
from data_pipeline.services.events import Events
from data_pipeline.services.import_worker import ImportWorker
from data_pipeline.services.imports import Imports
from data_pipeline.services.ingestion import Ingestion
from data_pipeline.services.intake import Intake
from data_pipeline.services.items import Items
from data_pipeline.services.people import People
from data_pipeline.services.snapshots import Snapshots
from data_pipeline.services.users import Users
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
UPLOADS: Final = r"/v1/tenants/[^/]+/imports"

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
    for part in (records, items, users, events, event_types, imports, snapshots):
        app.include_router(part.router)
    add_error_handlers(app)
    # The last one added is the outermost.
    app.add_middleware(ServiceTokenGuard, token=settings.token())
    app.add_middleware(
        BodyLimit, max_bytes=settings.max_body_bytes, uploads={UPLOADS: settings.max_import_bytes}
    )
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

    _NAMES = (
        "event_log",
        "catalogue",
        "user_store",
        "feature_store",
        "feature_projection",
        "object_store",
        "import_spool",
    )

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
    stack.push_async_callback(close_engine, engine)
    instrument_engine(engine, metrics, tracing, SERVICE)
    await migrate(engine, MIGRATIONS)
    event_log = woven(SqlEventLog(engine), "event_log")
    archive = woven(SqlEventArchive(engine), "event_archive")
    type_store = woven(SqlEventTypeStore(engine), "event_type_store")
    catalogue = woven(SqlCatalogueLog(engine), "catalogue")
    item_store = woven(SqlItemStore(engine), "item_store", DomainError)
    user_store = woven(SqlUserStore(engine), "user_store", DomainError)
    person_store = woven(SqlPersonStore(engine), "person_store", DomainError)
    corrections = woven(SqlCorrections(engine, HISTORY_LENGTH), "corrections")
    objects = woven(UrlObjectStore(settings.objects()), "object_store", KeyError)
    writer = woven(SqliteFeatureWriter(settings.features()), "feature_writer")
    reader = woven(SqliteFeatureReader(settings.features()), "feature_reader")
    # The stores in the database share the engine, which is closed above.
    for port in (objects, writer, reader):
        stack.push_async_callback(port.close)
    # What an upload breaks off with is its caller's.
    spool = woven(FolderSpool(settings.imports()), "import_spool", ClientDisconnect, HTTPException)
    queue = woven(SqlImportQueue(engine), "import_queue")
    marks = woven(SqlErasedUsers(engine), "erased_users")
    files = [path for path in (database_file(engine), settings.features()) if path is not None]
    stack.enter_context(background_checkpoints(files))
    projection = FeatureProjection(event_log, catalogue, corrections, writer)
    stack.push_async_callback(projection.close)
    await projection.recover()
    readiness.open(
        {
            "event_log": event_log.ping,
            "catalogue": catalogue.ping,
            "user_store": user_store.ping,
            "feature_store": projection.ping,
            "feature_projection": projection.check,
            "object_store": objects.ping,
            "import_spool": spool.ping,
        }
    )
    types = EventTypes(type_store, projection)
    intake = Intake(event_log, catalogue, user_store, types, projection, now_ms)
    frozen = Snapshots(event_log, catalogue, SnapshotStore(objects), types, now_ms)
    import_telemetry = ImportTelemetry(metrics, tracing)
    stack.callback(import_telemetry.close)
    worker = ImportWorker(queue, spool, marks, intake, import_telemetry, now_ms)
    started_imports = Imports(
        woven(SqlImportBook(engine), "import_book"),
        queue,
        spool,
        worker.wake,
        import_telemetry.ended,
        now_ms,
    )
    await started_imports.recover()
    await stack.enter_async_context(_working(worker))
    return Pipeline(
        ingestion=Ingestion(intake),
        snapshots=frozen,
        items=Items(item_store, projection, now_ms),
        users=Users(user_store, now_ms),
        events=Events(archive, projection),
        event_types=types,
        people=People(person_store, user_store, archive, reader, projection, now_ms),
        erasure=Erasure(
            person_store,
            frozen,
            marks,
            reader,
            projection,
            now_ms,
        ),
        imports=started_imports,
        metrics=metrics,
        tracing=tracing,
    )


@asynccontextmanager
async def _working(worker: ImportWorker) -> AsyncGenerator[None]:
    task = asyncio.create_task(worker.work())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        worker.close()
