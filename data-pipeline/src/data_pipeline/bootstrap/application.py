"""The application: its routes, its stores and use cases, its lifespan."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from fastapi import FastAPI

from data_pipeline.adapters.feature_telemetry import FeatureTelemetry
from data_pipeline.bootstrap.clock import system_clock
from data_pipeline.bootstrap.readiness import Ping, Readiness
from data_pipeline.bootstrap.services import build_pipeline, open_core
from data_pipeline.bootstrap.sources import open_imports, open_stream
from data_pipeline.bootstrap.storage import SERVICE, open_storage
from data_pipeline.bootstrap.upkeep import open_upkeep
from data_pipeline.http import (
    accounting,
    event_types,
    events,
    imports,
    items,
    quarantine,
    records,
    snapshots,
    users,
    validation_rules,
)
from data_pipeline.http.errors import add_error_handlers
from data_pipeline.http.state import Pipeline, State
from data_pipeline.settings import Settings
from instrumentation.middleware import TelemetryMiddleware
from instrumentation.rates import Counted, Rates
from instrumentation.telemetry import Telemetry, start_telemetry
from web.body_limit import BodyLimit
from web.request_decoding import RequestDecoding
from web.service_token import ServiceTokenGuard

UPLOADS: Final = r"/v1/tenants/[^/]+/imports"

_PARTS: Final = (
    records,
    items,
    users,
    events,
    event_types,
    validation_rules,
    imports,
    accounting,
    quarantine,
    snapshots,
)

_RATES: Final = {"events": Counted("data_ingestion_records_total", {"data_type": "events"})}


def build_app(settings: Settings, now_ms: Callable[[], int] = system_clock) -> FastAPI:
    """The service; what it holds is opened and closed with its lifespan."""
    telemetry = start_telemetry(settings, SERVICE)
    readiness = Readiness(settings)
    rates = Rates(telemetry.metrics, _RATES)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[State]:
        async with AsyncExitStack() as stack:
            stack.callback(telemetry.close)
            yield {"pipeline": await _open(settings, telemetry, stack, readiness, now_ms)}

    app = FastAPI(
        title=SERVICE,
        summary="Takes in events and catalogues, keeps features, freezes snapshots.",
        version=settings.service_version,
        lifespan=lifespan,
        # TelemetryMiddleware does it in one pass.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        # As they were made: `include_router` would make each a second time.
        routes=[
            *telemetry.routes(readiness.checks(), rates),
            *(route for part in _PARTS for route in part.router.routes),
        ],
    )
    add_error_handlers(app)
    # The last one added is the outermost.
    app.add_middleware(ServiceTokenGuard, tokens=settings.tokens())
    app.add_middleware(
        BodyLimit, max_bytes=settings.max_body_bytes, uploads={UPLOADS: settings.max_import_bytes}
    )
    app.add_middleware(RequestDecoding)
    app.add_middleware(
        TelemetryMiddleware,
        metrics=telemetry.metrics,
        tracing=telemetry.tracing,
        service=SERVICE,
        routes=app.routes,
        rates=rates,
    )
    return app


async def _open(
    settings: Settings,
    telemetry: Telemetry,
    stack: AsyncExitStack,
    readiness: Readiness,
    now_ms: Callable[[], int],
) -> Pipeline:
    storage = await open_storage(settings, telemetry, stack)
    core = await open_core(storage, stack, now_ms)
    check = await open_upkeep(settings, telemetry, stack, storage, core.projection, now_ms)
    imports, import_worker = await open_imports(
        settings, telemetry, stack, storage, core.intake, now_ms
    )
    stream = await open_stream(settings, telemetry, stack, storage, core.intake)
    pings: dict[str, Ping] = {
        "database": storage.import_queue.ping,
        "event_log": storage.events.ping,
        "catalogue": storage.catalogue.ping,
        "user_store": storage.users.ping,
        "object_store": storage.objects.ping,
        "feature_store": core.projection.ping,
        "feature_projection": FeatureTelemetry(core.projection, telemetry.metrics).check,
        "import_spool": storage.spool.ping,
        "imports": import_worker.check,
        "accounting": check.balanced,
    }
    if stream is not None:
        pings["kafka"] = stream.check
    readiness.open(pings)
    return build_pipeline(settings, telemetry, storage, core, imports, now_ms)
