"""PostgreSQL by asyncpg: its time limits, and connections that a restart of the server ended."""

from typing import Any, Final

from sqlalchemy import event, exc
from sqlalchemy.ext.asyncio import AsyncEngine

CONNECT_SECONDS: Final = 5.0
COMMAND_SECONDS: Final = 30.0
"""A statement takes no longer, nor does its waiting for a lock."""

IDLE_SECONDS: Final = 60
"""A transaction that does nothing for so long is ended: its locks would hold up all others."""

POOL_SECONDS: Final = 10.0
"""For so long a request waits for a connection while all are in use."""


def engine_options(command_seconds: float | None) -> dict[str, Any]:
    """What `create_async_engine` takes; None for a command that may take any time."""
    settings = {
        "application_name": "recommender",
        "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
        # Statements are short: compiling one takes longer than running it.
        "jit": "off",
    }
    return {
        "pool_timeout": POOL_SECONDS,
        "connect_args": {
            "timeout": CONNECT_SECONDS,
            "command_timeout": command_seconds,
            "server_settings": settings,
        },
    }


def replace_ended_connections(engine: AsyncEngine) -> None:
    """Let nobody have a connection that the server has ended, without asking the server.

    The driver sees the end of a connection at once, so a ping at each use is not needed. Where
    one has ended, the others most likely have, too: all that are idle are made anew.
    """

    @event.listens_for(engine.sync_engine, "checkout")
    def _check(connection: Any, record: Any, proxy: Any) -> None:
        del record, proxy
        if connection.driver_connection.is_closed():
            raise exc.InvalidatePoolError("the server has ended the connection")
