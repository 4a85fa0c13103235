"""Counts each request that was let in, once, after its answer."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend_api.http.admission import Admitted
from backend_api.http.state import Services
from instrumentation.context import current

_BILLED_BELOW = 400


class Metering:
    """Counts by tenant and route template; stands around `Admission`.

    Billed is an answer of a status below 400 that went out whole. Its tokens are what the route
    put into `request.state.tokens`, else 1.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        try:
            await self._app(scope, receive, answer.send)
        finally:
            answer.count(whole=False)


class _Answer:
    """An answer on its way out; it is counted before its last byte, so who has it is counted."""

    __slots__ = ("_counted", "_scope", "_send", "_status")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._status = 500
        self._counted = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            self.count(whole=True)
        await self._send(message)

    def count(self, *, whole: bool) -> None:
        state = self._scope["state"]
        admitted: Admitted | None = state.get("admitted")
        request = current()
        if self._counted or admitted is None or request is None:
            return
        self._counted = True
        services: Services = state["services"]
        services.access.meter.count(
            admitted.access,
            request.endpoint or "",
            billed=whole and self._status < _BILLED_BELOW,
            tokens=state.get("tokens", 1),
        )
