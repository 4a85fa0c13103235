"""backend-api as far as the demo asks it, over a transport; a test sets what it answers."""

import json
from collections import deque
from typing import Any

import httpx2

from recommender_client import NO_RETRIES, AsyncRecommender

NOW = "2026-01-01T00:00:00Z"
NAMES = {"tenant_id": "demo", "name": "demo", "plan_id": "standard"}
TENANT = {**NAMES, "status": "active", "created_at": NOW}
EVENT = {"item_id": "i1", "event_type": "rating", "timestamp_ms": 0}
LABELS = {"recommendation_id": "r", "model_version": "m1", "algorithm": "two-tower"}
RECOMMENDATIONS = {**LABELS, "items": []}


class Api(httpx2.AsyncBaseTransport):
    """Keeps what it was asked."""

    def __init__(self, *, serving: bool = False, key: str = "rk_kept") -> None:
        self.requests: list[httpx2.Request] = []
        self.key = key
        self.serving = serving
        self.history = 1
        self.jobs: dict[str, deque[str]] = {}
        """The statuses of each job, one for each look at it."""
        self.job_error: str | None = None
        self.faults: deque[httpx2.Response | Exception] = deque()
        """What the next calls meet instead of an answer."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.requests.append(request)
        if self.faults:
            fault = self.faults.popleft()
            if isinstance(fault, Exception):
                raise fault
            return fault
        if request.headers["authorization"] != f"Bearer {self.key}":
            return problem(401, "invalid_api_key")
        return self._answer(request.url.path.removeprefix("/api/v1/"))

    def client(self) -> AsyncRecommender:
        return AsyncRecommender("http://recs.test", self.key, retries=NO_RETRIES, transport=self)

    def bodies(self, path: str) -> list[Any]:
        """What was posted to a path."""
        return [
            json.loads(request.content)
            for request in self.requests
            if (request.method, request.url.path) == ("POST", f"/api/v1/{path}")
        ]

    def _answer(self, path: str) -> httpx2.Response:
        first, _, rest = path.partition("/")
        if first == "training-jobs":
            return self._job(rest)
        answers = {
            "tenant": TENANT,
            "users": {"user_id": "u1", "events": [EVENT] * self.history},
            "models": {"data": [model(serving=False), model(serving=self.serving)]},
            "recommendations": RECOMMENDATIONS,
            "items": {"accepted": 1, "duplicates": 0, "rejected": []},
            "events": {"accepted": 1, "duplicates": 0, "rejected": []},
        }
        return answer(answers[first])

    def _job(self, job_id: str) -> httpx2.Response:
        if not job_id:
            return answer(job("new", "queued", None), 202)
        if job_id not in self.jobs:
            return problem(404, "job_not_found")
        return answer(job(job_id, self.jobs[job_id].popleft(), self.job_error))


def answer(body: Any, status: int = 200) -> httpx2.Response:
    return httpx2.Response(status, json=body)


def problem(status: int, code: str) -> httpx2.Response:
    fields = {"title": code, "status": status, "code": code, "detail": f"{code} it is"}
    return answer(fields, status)


def job(name: str, status: str, error: str | None) -> dict[str, Any]:
    fields = {"job_id": name, "tenant_id": "demo", "snapshot_id": "s1", "model_type": "two-tower"}
    stage = {"seed": 0, "status": status, "stage": f"{status}_now", "progress": 0.5}
    return {**fields, **stage, "created_at": NOW, "error": error if status == "failed" else None}


def model(*, serving: bool) -> dict[str, Any]:
    fields = {"model_version": "m1", "tenant_id": "demo", "model_type": "two-tower", "seed": 0}
    lineage = {"snapshot_id": "s1", "data_hash": "0", "code_version": "1", "created_at": NOW}
    return {**fields, **lineage, "parameters": {}, "report": {}, "serving": serving}
