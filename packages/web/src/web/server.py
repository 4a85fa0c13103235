"""How a service is served: one uvicorn worker per process, uvloop and httptools."""

import asyncio
import ctypes
import gc
import platform
import socket
import sys
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

GRACE_SECONDS = 10

_M_ARENA_MAX = -8
"""The parameter of glibc's `mallopt`."""

_YOUNG_OBJECTS = 10_000
"""How many more objects there may be before the new ones are looked through; Python's is 700."""

KEEP_ALIVE_SECONDS = 75
"""How long a connection may be idle, far longer than clients keep theirs (5 seconds for those of
httpx2): who sends on a connection that is being closed has no answer. A sender who stalls within a
body that was refused counts as idle too, and is still owed the answer."""


def serve(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    name: str = "the service",
    expected: tuple[type[Exception], ...] = (),
    misconfigured: tuple[type[Exception], ...] = (),
) -> None:
    """Serve until SIGINT or SIGTERM, then finish the requests under way and close the app.

    More load means more replicas, not more workers: one process keeps one set of metrics.
    An `expected` failure of the start, such as a database that cannot be opened, ends the
    process `name` with one line and status 1. One that is `misconfigured`, such as a database that
    this program does not fit, ends it as a bad setting does, with status 2.
    """
    _share_heaps()
    start = _Start(app, (*expected, *misconfigured))
    try:
        uvicorn.run(
            start,
            host=host,
            port=port,
            loop="uvloop",
            http="httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
    except SystemExit:
        if start.failure is None:
            raise
        sys.stderr.write(f"{name} cannot start: {start.failure}\n")
        raise SystemExit(2 if isinstance(start.failure, misconfigured) else 1) from None


class _Start:
    """Passes everything on, and keeps an expected failure of the start without its traceback."""

    def __init__(self, app: ASGIApp, expected: tuple[type[Exception], ...]) -> None:
        self._app = app
        self._expected = expected
        self.failure: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        failed: Message | None = None

        async def hold_failure(message: Message) -> None:
            nonlocal failed
            if message["type"] == "lifespan.startup.complete":
                _spare_what_stays()
                asyncio.get_running_loop().set_exception_handler(pass_over_unknown_names)
            if message["type"] == "lifespan.startup.failed":
                failed = message
                return
            await send(message)

        try:
            await self._app(scope, receive, hold_failure)
        except self._expected as error:
            self.failure = error
            await send({"type": "lifespan.startup.failed", "message": ""})
        except BaseException:
            if failed is not None:
                await send(failed)
            raise


def pass_over_unknown_names(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what the loop has to say, but for the names that were not found.

    uvloop goes on looking a name up for who has given up connecting, so nobody sees how it ended.
    """
    if not isinstance(context.get("exception"), socket.gaierror):
        loop.default_exception_handler(context)


def _spare_what_stays() -> None:
    """Collect garbage no more among what the start has made, which stays, nor after each request.

    Serving makes few cycles, and what it keeps for a while, such as answers that are not written
    yet, would be looked through at each of the frequent collections.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


def _share_heaps() -> None:
    """Let all threads have two heaps together.

    glibc gives each thread one, up to eight per processor, and each keeps what was freed there: a
    large file would then leave, and need meanwhile, hundreds of megabytes more.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)
