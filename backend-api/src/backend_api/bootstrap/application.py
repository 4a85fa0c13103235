"""The application: its ports, its use cases, its lifespan.

backend-api is ready when its own database and cache are. While ml-engine or data-pipeline is
away it says so in `/health` and answers 503 where it needs them; taking it out of service as
well would only replace a clear answer by none.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from backend_api.bootstrap.access import open_access
from backend_api.bootstrap.ports import Pingable
from backend_api.bootstrap.product import open_product
from backend_api.bootstrap.storage import SERVICE, open_database
from backend_api.domain.access import Clock, utc_now
from backend_api.http.app import create_app
from backend_api.http.state import Services, State
from backend_api.settings import Settings
from contracts.transport import Transport
from instrumentation.health import HealthCheck
from instrumentation.telemetry import start_telemetry


def build_app(
    settings: Settings,
    *,
    ml_engine: Transport | None = None,
    data_pipeline: Transport | None = None,
    clock: Clock = utc_now,
) -> FastAPI:
    """The application; `ml_engine` and `data_pipeline` replace the network, for tests."""
    telemetry = start_telemetry(settings, SERVICE)
    pinged: dict[str, Pingable] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[State]:
        async with AsyncExitStack() as stack:
            stack.callback(telemetry.close)
            engine = await open_database(settings, stack, telemetry)
            access = await open_access(settings, telemetry, engine, stack, clock)
            neighbours = (ml_engine, data_pipeline)
            product = await open_product(settings, telemetry, engine, stack, clock, neighbours)
            pinged.update({**access.pinged, **product.pinged})
            yield State(services=Services(access.services, product.services))

    checks = [
        HealthCheck("database", _pinging(pinged, "database")),
        HealthCheck("cache", _pinging(pinged, "cache")),
        HealthCheck("ml-engine", _pinging(pinged, "ml-engine"), ready=False),
        HealthCheck("data-pipeline", _pinging(pinged, "data-pipeline"), ready=False),
    ]
    if settings.redis_url is not None:
        # Without it each replica limits by itself.
        checks.append(HealthCheck("redis", _pinging(pinged, "redis"), ready=False))
    return create_app(
        telemetry,
        lifespan,
        checks,
        max_body_bytes=settings.max_body_bytes,
        max_import_bytes=settings.max_import_bytes,
    )


def _pinging(ports: Mapping[str, Pingable], name: str) -> Callable[[], Awaitable[None]]:
    # The routes are there before the lifespan opens the ports.
    async def ping() -> None:
        await ports[name].ping()

    return ping
