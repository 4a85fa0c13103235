"""What the internal services have in common as backend-api meets them."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from web.problems import http_problem, problem
from web.service_token import ServiceTokenGuard

MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
Handler = Callable[[Request, str, bytes], Response]


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    path: str
    body: bytes
    headers: dict[str, str]


class InternalService(ABC):
    """What both have: the guard, the record of requests, and ways to fail."""

    def __init__(self, token: str) -> None:
        self.seen: list[Seen] = []
        self.answer_with: Response | None = None
        self.hangs = False
        routes = [
            Route("/health/live", self._live),
            *(
                Route(f"/v1/tenants/{{tenant}}/{path}", self._serving(handler), methods=[method])
                for method, path, handler in self.handlers()
            ),
        ]
        self.app: ASGIApp = ServiceTokenGuard(Starlette(routes=routes), [token])

    @abstractmethod
    def handlers(self) -> list[tuple[str, str, Handler]]:
        """Method, path below the tenant, and what answers."""

    def bodies(self, path_end: str) -> list[bytes]:
        """The bodies that came to paths which end so."""
        return [seen.body for seen in self.seen if seen.path.endswith(path_end)]

    async def _live(self, _: Request) -> Response:
        return self.answer_with or JSONResponse({"status": "alive"})

    def _serving(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            try:
                body = await request.body()
            except HTTPException as error:
                # In one process what breaks the upload comes through; the services say it so.
                return http_problem(error.status_code)
            self.seen.append(Seen(request.url.path, body, dict(request.headers)))
            if self.hangs:
                await asyncio.Event().wait()
            if self.answer_with is not None:
                return self.answer_with
            return handler(request, request.path_params["tenant"], body)

        return serve


def json_answer(model: BaseModel) -> Response:
    return Response(model.model_dump_json(), media_type="application/json")


def not_found(kind: str) -> Response:
    return problem(404, f"{kind}_not_found", f"there is no such {kind}")
