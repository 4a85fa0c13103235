"""The composition root: what is built, in which order, from which settings.

backend-api is ready when its own database and cache are. While ml-engine or data-pipeline is
away it says so in `/health` and answers 503 where it needs them; taking it out of service as
well would only replace a clear answer by none.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from backend_api.adapters.event_intake import DataPipelineIntake
from backend_api.adapters.key_store import SqlApiKeyStore
from backend_api.adapters.recommender import MlEngineRecommender
from backend_api.adapters.tenant_store import SqlTenantStore
from backend_api.domain.errors import RefusedByService
from backend_api.domain.ports import ApiKeyStore, EventIntake, Recommender
from backend_api.http.app import create_app
from backend_api.http.reports import Reports
from backend_api.http.state import Services, State
from backend_api.services.authentication import Authenticator
from backend_api.services.events import EventService
from backend_api.services.keys import KeyService
from backend_api.services.recommendations import RecommendationService
from backend_api.services.tenants import TenantService
from backend_api.settings import DatabaseSettings, Settings
from backends.availability import available
from backends.database import migrate, open_engine
from backends.embedded.memory_cache import MemoryCache
from backends.http_transport import HttpTransport
from backends.ports import Cache
from contracts.data_pipeline import DataPipelineClient
from contracts.ml_engine import MlEngineClient
from contracts.transport import Transport
from instrumentation.database import instrument_engine
from instrumentation.health import HealthCheck
from instrumentation.ports import observed
from instrumentation.propagation import inject
from instrumentation.telemetry import Telemetry, start_telemetry

SERVICE: Final = "backend-api"
MIGRATIONS: Final = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Administration:
    """What the command line and the launcher do with tenants and keys."""

    tenants: TenantService
    keys: KeyService


@asynccontextmanager
async def build_administration(settings: DatabaseSettings) -> AsyncGenerator[Administration]:
    """Administration over the database of the settings, its schema brought up to date.

    Raises:
        PortUnavailable: the database cannot be used.
    """
    async with AsyncExitStack() as stack:
        engine = await _open_database(settings, stack)
        yield Administration(
            TenantService(SqlTenantStore(engine)), KeyService(SqlApiKeyStore(engine))
        )


def build_app(
    settings: Settings,
    *,
    ml_engine: Transport | None = None,
    data_pipeline: Transport | None = None,
) -> FastAPI:
    """The application; `ml_engine` and `data_pipeline` replace the network, for tests."""
    telemetry = start_telemetry(settings, SERVICE)
    pinged: dict[str, _Pingable] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[State]:
        async with AsyncExitStack() as stack:
            stack.callback(telemetry.close)
            engine = await _open_database(settings, stack, telemetry)
            ports = _open_ports(settings, telemetry, engine, ml_engine, data_pipeline)
            for port in ports.pinged.values():
                stack.push_async_callback(port.close)
            pinged.update(ports.pinged)
            yield State(services=_build_services(settings, telemetry, ports))

    checks = [
        HealthCheck("database", _pinging(pinged, "database")),
        HealthCheck("cache", _pinging(pinged, "cache")),
        HealthCheck("ml-engine", _pinging(pinged, "ml-engine"), ready=False),
        HealthCheck("data-pipeline", _pinging(pinged, "data-pipeline"), ready=False),
    ]
    return create_app(telemetry, lifespan, checks, settings.max_body_bytes)


class _Pingable(Protocol):
    async def ping(self) -> None: ...
    async def close(self) -> None: ...


def _pinging(ports: Mapping[str, _Pingable], name: str) -> Callable[[], Awaitable[None]]:
    # The routes are there before the lifespan opens the ports.
    async def ping() -> None:
        await ports[name].ping()

    return ping


@dataclass(frozen=True, slots=True)
class _Ports:
    keys: ApiKeyStore
    verified_keys: Cache
    unknown_keys: Cache
    recommender: Recommender
    intake: EventIntake
    pinged: Mapping[str, _Pingable]


async def _open_database(
    settings: DatabaseSettings, stack: AsyncExitStack, telemetry: Telemetry | None = None
) -> AsyncEngine:
    with available("database"):
        engine = open_engine(settings.database_url, settings.db_pool_size)
        stack.push_async_callback(engine.dispose)
        if telemetry is not None:
            instrument_engine(engine, telemetry.metrics, telemetry.tracing, SERVICE)
        await migrate(engine, MIGRATIONS)
    return engine


def _open_ports(
    settings: Settings,
    telemetry: Telemetry,
    engine: AsyncEngine,
    ml_engine: Transport | None,
    data_pipeline: Transport | None,
) -> _Ports:
    metrics, tracing = telemetry.metrics, telemetry.tracing
    token = settings.token()
    keys, verified, unknown = SqlApiKeyStore(engine), MemoryCache(), MemoryCache()
    timeout = settings.ml_engine_timeout_seconds
    transport = ml_engine or _over_http(str(settings.ml_engine_url), timeout)
    recommender = MlEngineRecommender(MlEngineClient(transport, token), timeout)
    timeout = settings.data_pipeline_timeout_seconds
    transport = data_pipeline or _over_http(str(settings.data_pipeline_url), timeout)
    intake = DataPipelineIntake(DataPipelineClient(transport, token), timeout)
    return _Ports(
        keys=observed(keys, kind="store", name="api_keys", metrics=metrics, tracing=tracing),
        verified_keys=observed(
            verified, kind="cache", name="api_key", metrics=metrics, tracing=tracing
        ),
        unknown_keys=observed(
            unknown, kind="cache", name="unknown_api_key", metrics=metrics, tracing=tracing
        ),
        recommender=observed(
            recommender,
            kind="service",
            name="ml-engine",
            metrics=metrics,
            tracing=tracing,
            expected=(RefusedByService,),
        ),
        intake=observed(
            intake,
            kind="service",
            name="data-pipeline",
            metrics=metrics,
            tracing=tracing,
            expected=(RefusedByService,),
        ),
        # As they are: a health check that finds a service away is no error of this one.
        pinged={
            "database": keys,
            "cache": verified,
            "ml-engine": recommender,
            "data-pipeline": intake,
        },
    )


def _over_http(url: str, timeout_seconds: float) -> HttpTransport:
    return HttpTransport(url, timeout_seconds=timeout_seconds, inject=inject)


def _build_services(settings: Settings, telemetry: Telemetry, ports: _Ports) -> Services:
    return Services(
        authenticator=Authenticator(
            ports.keys,
            verified=ports.verified_keys,
            unknown=ports.unknown_keys,
            ttl_seconds=settings.api_key_cache_seconds,
        ),
        recommendations=RecommendationService(ports.recommender),
        events=EventService(ports.intake),
        reports=Reports(telemetry.metrics),
    )
