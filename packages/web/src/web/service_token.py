"""The token by which the services know each other."""

import hmac
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from web.problems import problem

OPEN_PREFIXES = ("/health", "/metrics")


class ServiceTokenGuard:
    """Answers 401 to callers without one of the service tokens, health and metrics aside."""

    def __init__(self, app: ASGIApp, tokens: Sequence[str]) -> None:
        self._app = app
        self._expected = [f"Bearer {token}".encode() for token in tokens]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on where it carries one."""
        if scope["type"] != "http" or scope["path"].startswith(OPEN_PREFIXES):
            await self._app(scope, receive, send)
            return
        given = next((v for k, v in scope["headers"] if k == b"authorization"), b"")
        if any(hmac.compare_digest(given, expected) for expected in self._expected):
            await self._app(scope, receive, send)
            return
        detail = "this service answers other services only: send the service token as Bearer"
        headers = {"www-authenticate": "Bearer"}
        await problem(401, "service_token_required", detail, headers=headers)(scope, receive, send)
