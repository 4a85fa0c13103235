"""Routes that are called so often that the framework's way to them is most of their cost."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from instrumentation.context import current

DirectEndpoint = Callable[[Request], Awaitable[Response]]
DirectRoutes = Mapping[str, DirectEndpoint]
"""What answers POST, by route template."""

_POST: Final = "POST"


class DirectRouting:
    """Hands a request to its endpoint by the template that telemetry has found for its path.

    FastAPI would try one route after the other and resolve each parameter anew: it documents these
    routes, and does not serve them. The endpoint reads what it needs of the request itself.
    What it raises is answered by `handlers`, the application's own for its other routes.
    Stands innermost, behind whatever lets a request in.
    """

    def __init__(
        self, app: ASGIApp, routes: DirectRoutes, handlers: Mapping[Any, Callable[..., Any]]
    ) -> None:
        self._app = app
        self._routes = routes
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on where its route is none of these."""
        endpoint = self._endpoint(scope)
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            answer = await endpoint(request)
        except Exception as error:
            handler = self._handler(error)
            if handler is None:
                raise
            answer = await handler(request, error)
        await answer(scope, receive, send)

    def _endpoint(self, scope: Scope) -> DirectEndpoint | None:
        known = current()
        if scope["type"] != "http" or scope["method"] != _POST or known is None:
            return None
        return self._routes.get(known.endpoint or "")

    def _handler(self, error: Exception) -> Callable[..., Any] | None:
        found = (self._handlers.get(kind) for kind in type(error).__mro__)
        return next((handler for handler in found if handler is not None), None)
