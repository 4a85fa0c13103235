"""Both services in one process, each called as an ASGI function.

That is what they do for a request without the network between, which is nearly the same any day.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message

from backend_api.bootstrap import build_app as build_backend_api
from backend_api.settings import Settings as BackendSettings
from contracts.transport import Request, Response
from instrumentation.propagation import inject
from instrumentation.settings import load_settings_or_exit
from ml_engine.bootstrap import build_app as build_ml_engine
from ml_engine.settings import Settings as EngineSettings

Ask = Callable[[bytes], Awaitable[bytes]]
"""Asks for recommendations by the body of a request; the body of the answer."""

PATH = "/api/v1/recommendations"


class AsgiService:
    """An application with its lifespan; a transport to it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._state: dict[str, Any] = {}

    async def send(self, request: Request) -> Response:
        """Its answer. Raises TypeError at a body in chunks."""
        if not isinstance(request.content, bytes):
            raise TypeError("a body in chunks is not for this transport")
        inject(request.headers)
        answer: list[Message] = []
        asked: Message = {"type": "http.request", "body": request.content, "more_body": False}

        async def receive() -> Message:
            return asked

        async def send(message: Message) -> None:
            answer.append(message)

        await self._app(self._scope(request, len(request.content)), receive, send)
        start, *parts = answer
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return Response(start["status"], b"".join(part["body"] for part in parts), headers)

    async def close(self) -> None:
        """Nothing is open."""

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["AsgiService"]:
        """Started, and stopped with the block."""
        to_app: asyncio.Queue[Message] = asyncio.Queue()
        from_app: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self._state}
        life = asyncio.ensure_future(self._app(scope, to_app.get, from_app.put))
        await to_app.put({"type": "lifespan.startup"})
        if (await from_app.get())["type"] != "lifespan.startup.complete":
            await life
        try:
            yield self
        finally:
            await to_app.put({"type": "lifespan.shutdown"})
            await life

    def _scope(self, request: Request, size: int) -> dict[str, Any]:
        headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "path": request.path,
            "raw_path": request.path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "headers": [(b"host", b"x"), (b"content-length", str(size).encode()), *headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": dict(self._state),
        }


@asynccontextmanager
async def both_services(
    data_dir: Path, service_token: str, key: str, otlp_url: str
) -> AsyncGenerator[Ask]:
    """backend-api and ml-engine over a folder that others have filled; `key` is a tenant's."""
    os.environ |= {
        "DATA_DIR": str(data_dir),
        "SERVICE_TOKEN": service_token,
        "LOG_FORMAT": "json",
        "OTLP_ENDPOINT": otlp_url,
        # What slows the machine for a moment must not make answers degraded ones.
        "RECOMMENDATION_BUDGET_SECONDS": "10",
    }
    engine = AsgiService(build_ml_engine(load_settings_or_exit(EngineSettings, "ml-engine")))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(engine.running())
        settings = load_settings_or_exit(BackendSettings, "backend-api")
        public = AsgiService(build_backend_api(settings, ml_engine=engine, data_pipeline=engine))
        await stack.enter_async_context(public.running())
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

        async def ask(body: bytes) -> bytes:
            answer = await public.send(Request("POST", PATH, body, dict(headers)))
            if answer.status != 200 or b'"degraded":null' not in answer.content:
                raise RuntimeError(f"a wrong answer: {answer.content[:300]!r}")
            return answer.content

        yield ask
