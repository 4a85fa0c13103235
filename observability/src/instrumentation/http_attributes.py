"""What the middleware reads of a request and says of it: headers, span attributes, the 500."""

import json
import re
from collections.abc import Iterable
from typing import Final

from opentelemetry.util.types import AttributeValue
from starlette.types import Scope

from instrumentation.redaction import redact
from instrumentation.routing import UNMATCHED, RouteMatch

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NEEDED: Final = frozenset(
    {b"traceparent", b"tracestate", b"x-request-id", b"content-length", b"host", b"user-agent"}
)


class RequestHead:
    """The few headers telemetry needs, read in one pass; what is malformed counts as absent."""

    __slots__ = ("_found", "traceparent", "tracestate")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        found = {name: value.decode("latin-1") for name, value in headers if name in _NEEDED}
        self._found = found
        self.traceparent = found.get(b"traceparent")
        self.tracestate = found.get(b"tracestate")

    @property
    def request_id(self) -> str | None:
        """The caller's id of the request, where it is sane."""
        request_id = self._found.get(b"x-request-id")
        return request_id if request_id and _is_sane(request_id) else None

    @property
    def content_length(self) -> int | None:
        """The announced size of the body in bytes."""
        length = self._found.get(b"content-length")
        return int(length) if length and length.isdecimal() else None

    @property
    def host(self) -> str | None:
        """Name and port the caller used."""
        return self._found.get(b"host")

    @property
    def user_agent(self) -> str | None:
        """What the caller says it is."""
        return self._found.get(b"user-agent")


def _is_sane(request_id: str) -> bool:
    # An API key has the form of a request id, and must not come back in a header or a log.
    return _REQUEST_ID.fullmatch(request_id) is not None and redact(request_id) == request_id


def request_attributes(
    scope: Scope, head: RequestHead, route: RouteMatch
) -> dict[str, AttributeValue]:
    """The attributes of a SERVER span, by the stable HTTP semantic conventions.

    The query stays out: it may hold what a caller would not want kept.
    """
    attributes: dict[str, AttributeValue] = {
        "http.request.method": scope["method"],
        "url.path": redact(route.safe_path(scope["path"])),
        "url.scheme": scope.get("scheme", "http"),
        "network.protocol.version": scope.get("http_version", "1.1"),
    }
    if route.template != UNMATCHED:
        attributes["http.route"] = route.template
    server = scope.get("server")
    address, _, port = (head.host or "").rpartition(":")
    if head.host and not port.isdecimal():
        address, port = head.host, ""
    if address:
        attributes["server.address"] = address
    elif server:
        attributes["server.address"] = server[0]
    if port:
        attributes["server.port"] = int(port)
    elif server and server[1]:
        attributes["server.port"] = server[1]
    if head.user_agent:
        attributes["user_agent.original"] = redact(head.user_agent[:200])
    return attributes


def failure_body(service: str, trace_id: str) -> bytes:
    """The problem+json body of an unhandled exception: it says nothing of the inside."""
    return json.dumps(
        {
            "type": "about:blank",
            "title": "Internal Server Error",
            "status": 500,
            "code": "internal_error",
            "detail": (
                f"{service} failed unexpectedly. Try again; if it stays so, "
                "give the trace_id to the operators."
            ),
            "trace_id": trace_id,
        }
    ).encode()
