"""A bound on the size of request bodies."""

import re
from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.problems import http_problem

TOO_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value


class BodyLimit:
    """Answers 413 to a body over `max_bytes`, and reads no further.

    `uploads` has the limits of the routes that take whole files and never hold one in memory: a
    pattern that a whole path matches, and its bytes, which are for POST alone.

    FastAPI's own `max_body_size` stands outside of all middleware and ends a request by an
    exception, which telemetry would count as a failure of the service.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int, uploads: Mapping[str, int] | None = None
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._uploads = [(re.compile(path), limit) for path, limit in (uploads or {}).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting the bytes of its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope)
        declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if declared.isdigit() and int(declared) > limit:
            await http_problem(TOO_LARGE)(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                # Routes let an HTTPException through, whatever reads the body for them.
                raise HTTPException(TOO_LARGE)
            return message

        await self._app(scope, counted, send)

    def _limit(self, scope: Scope) -> int:
        if scope["method"] != "POST":
            return self._max_bytes
        of_path = (limit for path, limit in self._uploads if path.fullmatch(scope["path"]))
        return next(of_path, self._max_bytes)


async def read_bounded(request: Request, max_bytes: int) -> bytes:
    """The body of a route that also takes whole files, where it is none. Raises 413 beyond."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > max_bytes:
            raise HTTPException(TOO_LARGE)
    return bytes(body)
