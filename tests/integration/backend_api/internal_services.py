"""ml-engine and data-pipeline as backend-api meets them: small applications over the contract."""

import asyncio
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from contracts.events import BatchResult, Event, EventBatch, RejectedRecord
from contracts.recommendations import RecommendationQuery, Recommendations, RecommendedItem
from web.problems import problem
from web.service_token import ServiceTokenGuard

UNKNOWN_ITEM = "unknown-item"


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    path: str
    body: bytes
    headers: dict[str, str]


class InternalService:
    """What both have: the guard, the record of requests, and ways to fail."""

    def __init__(self, token: str) -> None:
        self.seen: list[Seen] = []
        self.answer_with: Response | None = None
        self.hangs = False
        routes = [
            Route("/health/live", self._live),
            Route("/v1/tenants/{tenant}/{rest:path}", self._serve, methods=["GET", "POST"]),
        ]
        self.app: ASGIApp = ServiceTokenGuard(Starlette(routes=routes), token)

    async def _live(self, _: Request) -> Response:
        return self.answer_with or JSONResponse({"status": "alive"})

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        self.seen.append(Seen(request.url.path, body, dict(request.headers)))
        if self.hangs:
            await asyncio.Event().wait()
        if self.answer_with is not None:
            return self.answer_with
        return self.answer(request.path_params["tenant"], body)

    def answer(self, tenant_id: str, body: bytes) -> Response:
        raise NotImplementedError


class MlEngine(InternalService):
    """Recommends `<tenant>/item-<n>`, and knows every item but one."""

    def answer(self, tenant_id: str, body: bytes) -> Response:
        query = RecommendationQuery.model_validate_json(body)
        if query.item_id == UNKNOWN_ITEM:
            return problem(404, "item_not_found", f"there is no item {UNKNOWN_ITEM}")
        items = [
            RecommendedItem(item_id=f"{tenant_id}/item-{n}", score=1 / n, reason="because")
            for n in range(1, query.num_items + 1)
        ]
        answer = Recommendations(model_version="7", algorithm="two-tower", items=items)
        return Response(answer.model_dump_json(), media_type="application/json")


class DataPipeline(InternalService):
    """Keeps events by tenant and event id."""

    def __init__(self, token: str) -> None:
        super().__init__(token)
        self.stored: dict[tuple[str, str], Event] = {}

    def answer(self, tenant_id: str, body: bytes) -> Response:
        try:
            batch = EventBatch.model_validate_json(body)
        except ValidationError as error:
            if error.errors()[0]["type"] == "json_invalid":
                return problem(400, "invalid_json", "the body is not JSON")
            return problem(422, "invalid_request", "the body is no batch of events")
        result = BatchResult(accepted=0, duplicates=0, rejected=[])
        for index, record in enumerate(batch.events):
            self._store(tenant_id, index, record, result)
        return Response(result.model_dump_json(), media_type="application/json")

    def _store(self, tenant_id: str, index: int, record: Any, result: BatchResult) -> None:
        try:
            event = Event.model_validate(record)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            result.rejected.append(RejectedRecord(index=index, code="invalid_event", reason=reason))
            return
        if (tenant_id, event.event_id) in self.stored:
            result.duplicates += 1
            return
        self.stored[tenant_id, event.event_id] = event
        result.accepted += 1
