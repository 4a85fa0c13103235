"""The database of backend-api, opened and brought up to date."""

from contextlib import AsyncExitStack
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from backend_api.migrate import MIGRATIONS
from backend_api.settings import DatabaseSettings
from backends.availability import available
from backends.database import close_engine, open_engine
from backends.migrations import prepare
from instrumentation.database import instrument_engine
from instrumentation.telemetry import Telemetry

SERVICE: Final = "backend-api"


async def open_database(
    settings: DatabaseSettings, stack: AsyncExitStack, telemetry: Telemetry | None = None
) -> AsyncEngine:
    """The engine over the settings' database; `stack` closes it. Raises `PortUnavailable`."""
    with available("database"):
        engine = open_engine(settings.database_url, settings.db_pool_size)
        stack.push_async_callback(close_engine, engine)
        if telemetry is not None:
            instrument_engine(engine, telemetry.metrics, telemetry.tracing, SERVICE)
        await prepare(engine, MIGRATIONS)
    return engine
