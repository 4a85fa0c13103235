"""A small recommender that speaks the public contract, keeps what it was sent, and can fail."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anyio.to_thread
import httpx2
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from contracts.problems import Problem

NOW = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
Fault = int | type[httpx2.TransportError] | Callable[[], Response]
"""A status to refuse with, an error of the connection, or an answer."""


def problem(status: int, code: str = "stubbed", **more: Any) -> Response:
    body = Problem(title="Refused", status=status, code=code, detail="it was asked to", **more)
    headers = {"retry-after": "0"} if status in {429, 503} else {}
    return Response(body.model_dump_json(), status, headers, media_type="application/problem+json")


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Stub:
    """The app, its state, and the faults that the next requests meet, in order."""

    faults: deque[Fault] = field(default_factory=deque)
    seen: list[Seen] = field(default_factory=list)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    job_statuses: deque[str] = field(default_factory=lambda: deque(["completed"]))
    bad_item: str = "bad"
    gate: threading.Event | None = None
    answered: dict[str, Response] = field(default_factory=dict)

    def transport(self) -> "Faulty":
        return Faulty(self, httpx2.ASGITransport(self.app()))

    def app(self) -> FastAPI:
        app = FastAPI()
        app.post("/api/v1/recommendations")(self._recommend)
        app.post("/api/v1/recommendations/batch")(self._recommend_batch)
        app.post("/api/v1/events")(self._send_events)
        app.get("/api/v1/items")(self._list_items)
        app.api_route("/api/v1/items/{item_id:path}", methods=["PUT", "GET", "DELETE"])(self._item)
        app.post("/api/v1/imports")(self._import)
        app.get("/api/v1/imports/{import_id}")(self._import_job)
        app.post("/api/v1/training-jobs")(self._train)
        app.get("/api/v1/training-jobs/{job_id}")(self._train)
        app.post("/api/v1/users/{user_id}/merge")(self._merge)
        app.get("/api/v1/usage.csv")(lambda: Response("day,tenant_id\n", media_type="text/csv"))
        return app

    async def _recommend(self, request: Request) -> dict[str, Any]:
        query = await request.json()
        return {
            "recommendation_id": "rec-1",
            "model_version": "m1",
            "algorithm": "two-tower",
            "items": [
                {"item_id": f"item-{n}", "score": 1.0 / n, "reason": "like what you saw"}
                for n in range(1, query.get("num_items", 10) + 1)
            ],
        }

    async def _recommend_batch(self, request: Request) -> dict[str, Any]:
        users = (await request.json())["user_ids"]
        answer = {
            "recommendation_id": "r",
            "model_version": "m1",
            "algorithm": "popularity",
            "items": [],
        }
        return {"answers": [{**answer, "user_id": user} for user in users]}

    async def _send_events(self, request: Request) -> Response:
        accepted, duplicates, rejected = 0, 0, []
        for index, event in enumerate((await request.json())["events"]):
            if event["item_id"] == self.bad_item:
                rejected.append({"index": index, "code": "invalid", "reason": "it is bad"})
            elif event["event_id"] in self.events:
                duplicates += 1
            else:
                self.events[event["event_id"]] = event
                accepted += 1
        if accepted == 0 and duplicates == 0:
            return problem(422, "no_valid_records", errors=rejected)
        return JSONResponse({"accepted": accepted, "duplicates": duplicates, "rejected": rejected})

    async def _list_items(self, limit: int = 100, cursor: str = "") -> dict[str, Any]:
        later = sorted(name for name in self.items if name > cursor)
        data = [self.items[name] for name in later[:limit]]
        return {"data": data, "next_cursor": later[limit - 1] if len(later) > limit else None}

    async def _item(self, item_id: str, request: Request) -> Response:
        stored = self.items.get(item_id)
        if request.method == "PUT":
            condition = request.headers.get("if-match")
            if condition and (stored is None or condition != f'"{stored["version"]}"'):
                return problem(412, "version_conflict")
            if request.headers.get("if-none-match") == "*" and stored is not None:
                return problem(412, "version_conflict")
            self.add_item(item_id, **(await request.json()))
            return JSONResponse(self.items[item_id], 200 if stored else 201)
        if stored is None:
            return problem(404, "item_not_found", trace_id="abc123")
        if request.method == "DELETE":
            del self.items[item_id]
            return Response(status_code=204)
        return JSONResponse(stored)

    def add_item(self, item_id: str, **content: Any) -> None:
        version = self.items.get(item_id, {"version": 0})["version"] + 1
        self.items[item_id] = {
            **content,
            "item_id": item_id,
            "version": version,
            "updated_at": NOW,
        }

    async def _import(self, request: Request, data_type: str, format: str) -> Response:  # noqa: A002
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
        return JSONResponse(self._job(data_type, format, size), 202)

    async def _train(self) -> dict[str, Any]:
        return {
            "job_id": "job-1",
            "tenant_id": "acme",
            "snapshot_id": "s1",
            "model_type": "two-tower",
            "seed": 0,
            "status": self.job_statuses[0],
            "stage": "model_training",
            "progress": 1.0,
            "created_at": NOW,
            "model_version": "m1",
        }

    async def _merge(self, user_id: str, request: Request) -> dict[str, Any]:
        return {**(await request.json()), "user_id": user_id, "events_moved": 1}

    async def _import_job(self, import_id: str) -> dict[str, Any]:
        return self._job("items", "jsonl", len(import_id))

    def _job(self, data_type: str, file_format: str, size: int) -> dict[str, Any]:
        last = len(self.job_statuses) == 1
        return {
            "import_id": "imp-1",
            "tenant_id": "acme",
            "data_type": data_type,
            "format": file_format,
            "bytes": size,
            "status": self.job_statuses[0] if last else self.job_statuses.popleft(),
            "progress": 0.5,
            "rows": 0,
            "accepted": 0,
            "duplicates": 0,
            "rejected": 0,
            "first_rejections": [],
            "created_at": NOW,
        }


class Faulty(httpx2.AsyncBaseTransport):
    """Keeps each request, and lets it meet the next fault before it reaches the app.

    A repeated Idempotency-Key gets the first answer again, as the recommender does it.
    """

    def __init__(self, stub: Stub, over: httpx2.AsyncBaseTransport) -> None:
        self._stub = stub
        self._over = over

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        self._stub.seen.append(
            Seen(request.method, str(request.url.raw_path, "ascii"), dict(request.headers), body)
        )
        fault = self._stub.faults.popleft() if self._stub.faults else None
        if isinstance(fault, type):
            raise fault("the stub's connection")
        if fault is not None:
            answer = problem(fault) if isinstance(fault, int) else fault()
            return httpx2.Response(
                answer.status_code, headers=answer.headers, content=bytes(answer.body)
            )
        if self._stub.gate is not None:
            await anyio.to_thread.run_sync(self._stub.gate.wait)
        return await self._over.handle_async_request(request)
