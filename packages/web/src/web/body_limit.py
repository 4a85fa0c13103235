"""A bound on the size of request bodies."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.problems import http_problem

TOO_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value


class BodyLimit:
    """Answers 413 to a body over `max_bytes`, and reads no further.

    FastAPI's own `max_body_size` stands outside of all middleware and ends a request by an
    exception, which telemetry would count as a failure of the service.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting the bytes of its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if declared.isdigit() and int(declared) > self._max_bytes:
            await http_problem(TOO_LARGE)(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                # Routes let an HTTPException through, whatever reads the body for them.
                raise HTTPException(TOO_LARGE)
            return message

        await self._app(scope, counted, send)
