"""Idempotency-Key: a write that is sent again is answered again, and done once.

Bodies are hashed on their way to the route, never held, so uploads of any size take part.
"""

import hashlib
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend_api.domain.access import Requirement
from backend_api.domain.access_errors import IdempotencyKeyReused, InvalidIdempotencyKey
from backend_api.domain.errors import DomainError
from backend_api.domain.idempotency import Attempt, KeptAnswer
from backend_api.http.admission import Admitted
from backend_api.http.errors import problem_of
from backend_api.http.state import Services
from backend_api.services.idempotency import IdempotencyService
from backends.ports import PortUnavailable
from contracts.public.access import RouteClass
from web.problems import http_problem

OPERATOR: Final = "@operator"
KEPT_BODY: Final = "kept_body"
"""In a request's state: what to keep of an answer that holds a secret, instead of its body."""
REPLAYED: Final = (b"idempotency-replayed", b"true")
_HEADER: Final = b"idempotency-key"
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_KEPT_HEADERS: Final = frozenset({b"content-type", b"etag", b"location"})


class IdempotencyKeys:
    """Does a write once for each Idempotency-Key of its tenant; stands behind `Admission`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer as the first one of its key was answered."""
        keys = _keys_of(scope)
        if not keys or not _is_write(scope):
            await self._app(scope, receive, send)
            return
        body = _HashedBody(scope, receive)
        service = _service(scope)
        admitted: Admitted = scope["state"]["admitted"]
        try:
            if len(keys) > 1:
                raise InvalidIdempotencyKey
            owner = admitted.access.tenant_id or OPERATOR
            begun = await service.begin(owner, keys[0].decode("latin-1"))
            if isinstance(begun, Attempt):
                await self._run(scope, body, send, begun)
                return
            await body.drain()
            if body.fingerprint() != begun.fingerprint:
                raise IdempotencyKeyReused
        except (DomainError, PortUnavailable) as error:
            await problem_of(error)(scope, receive, send)
        except HTTPException as error:
            await http_problem(error.status_code, error.detail)(scope, receive, send)
        else:
            await _replay(begun, send)

    async def _run(self, scope: Scope, body: "_HashedBody", send: Send, attempt: Attempt) -> None:
        service = _service(scope)
        answer = _HeldAnswer()
        async with service.holding(attempt):
            await self._app(scope, body.receive, answer.send)
            await body.drain()
            if _is_final(answer.status):
                await service.keep(attempt, answer.kept(scope, body.fingerprint()))
            else:
                await service.release(attempt)
        for message in answer.messages:
            await send(message)


class _HashedBody:
    """The body of a request, hashed as it is read."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        query = scope["query_string"]
        path = scope.get("raw_path") or scope["path"].encode()
        self._hash = hashlib.sha256(scope["method"].encode() + b" " + path + b"?" + query + b"\n")
        self._receive = receive
        self._whole = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._hash.update(message.get("body", b""))
            self._whole = not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read what the route did not."""
        while not self._whole:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                return

    def fingerprint(self) -> str:
        return self._hash.hexdigest()


class _HeldAnswer:
    """An answer that goes out once it is kept, so that whoever has it can have it again."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.messages.append(message)

    def kept(self, scope: Scope, fingerprint: str) -> KeptAnswer:
        start, *parts = self.messages
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in start.get("headers", ())
            if name in _KEPT_HEADERS
        ]
        state: dict[str, Any] = scope["state"]
        body = state.get(KEPT_BODY)
        if body is None:
            body = b"".join(part.get("body", b"") for part in parts)
        return KeptAnswer(fingerprint, self.status, headers, body)


def _keys_of(scope: Scope) -> list[bytes]:
    if scope["type"] != "http":
        return []
    return [value for name, value in scope["headers"] if name == _HEADER]


def _is_write(scope: Scope) -> bool:
    # Recommendations are asked for by POST, but change nothing.
    admitted: Admitted | None = scope["state"].get("admitted")
    if admitted is None or scope["method"] not in _WRITES:
        return False
    requirement: Requirement = admitted.requirement
    return requirement.route_class is not RouteClass.SERVING


def _is_final(status: int) -> bool:
    """Whether asking again would be answered the same; what fails for now is tried anew."""
    return status < 500 and status not in (408, 429)


def _service(scope: Scope) -> IdempotencyService:
    services: Services = scope["state"]["services"]
    return services.access.idempotency


async def _replay(answer: KeptAnswer, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    headers += [(b"content-length", str(len(answer.body)).encode()), REPLAYED]
    if answer.status == 204:
        headers = [REPLAYED]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
