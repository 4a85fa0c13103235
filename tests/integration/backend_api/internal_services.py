"""ml-engine and data-pipeline as backend-api meets them: small applications over the contract."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from contracts.events import (
    BatchResult,
    Event,
    EventBatch,
    EventTypeSettings,
    EventTypeWeight,
    History,
    RejectedRecord,
    StoredEvent,
)
from contracts.imports import DataType, FileFormat, ImportJob, ImportStatus
from contracts.items import ItemBatch, ItemChanges, ItemContent, StoredItem
from contracts.pages import Page
from contracts.recommendations import (
    BatchQuery,
    BatchRecommendations,
    RankingOptions,
    RecommendationQuery,
    Recommendations,
    RecommendedItem,
)
from contracts.snapshots import SnapshotFile, SnapshotManifest
from contracts.training import (
    JobStatus,
    MetricComparison,
    ModelComparison,
    ModelType,
    ModelVersion,
    TrainingJob,
    TrainingJobRequest,
)
from contracts.users import (
    ErasedPlace,
    StoredUser,
    UserBatch,
    UserChanges,
    UserData,
    UserErased,
    UserMerge,
    UserMerged,
    UserProfile,
)
from web.problems import http_problem, problem
from web.service_token import ServiceTokenGuard

UNKNOWN_ITEM = "unknown-item"
MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
Handler = Callable[[Request, str, bytes], Response]


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
            *(
                Route(f"/v1/tenants/{{tenant}}/{path}", self._serving(handler), methods=[method])
                for method, path, handler in self.handlers()
            ),
        ]
        self.app: ASGIApp = ServiceTokenGuard(Starlette(routes=routes), token)

    def handlers(self) -> list[tuple[str, str, Handler]]:
        """Method, path below the tenant, and what answers."""
        raise NotImplementedError

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


class MlEngine(InternalService):
    """Recommends `<tenant>/item-<n>`, knows every item but one, and one model."""

    def __init__(self, token: str) -> None:
        super().__init__(token)
        self.jobs: dict[str, TrainingJob] = {}
        self.algorithm = "two-tower"
        self.catalogue_size = 1_000

    def handlers(self) -> list[tuple[str, str, Handler]]:
        return [
            ("POST", "recommendations", self._recommend),
            ("POST", "recommendations/batch", self._batch),
            ("POST", "training-jobs", self._train),
            ("GET", "training-jobs", self._jobs),
            ("GET", "training-jobs/{job}", self._job),
            ("POST", "training-jobs/{job}/cancel", self._cancel),
            ("GET", "models", self._models),
            ("POST", "models/roll-back", self._roll_back),
            ("GET", "models/{version}", self._model),
            ("POST", "models/{version}/activate", self._model),
            ("GET", "model-comparison", self._compare),
        ]

    def _recommend(self, _: Request, tenant_id: str, body: bytes) -> Response:
        query = RecommendationQuery.model_validate_json(body)
        if query.item_id == UNKNOWN_ITEM:
            return problem(404, "item_not_found", f"there is no item {UNKNOWN_ITEM}")
        personal = query.user_id or query.history or query.item_id
        return _json(self._ranked(tenant_id, query, "item" if personal else "popular"))

    def _batch(self, _: Request, tenant_id: str, body: bytes) -> Response:
        query = BatchQuery.model_validate_json(body)
        answers = [self._ranked(tenant_id, query, user_id) for user_id in query.user_ids]
        return _json(BatchRecommendations(answers=answers))

    def _ranked(self, tenant_id: str, query: RankingOptions, name: str) -> Recommendations:
        items = [
            RecommendedItem(item_id=f"{tenant_id}/{name}-{n}", score=1 / n, reason="because")
            for n in range(1, min(query.num_items, self.catalogue_size) + 1)
        ]
        algorithm = "popularity" if name == "popular" else self.algorithm
        return Recommendations(model_version="7", algorithm=algorithm, items=items)

    def _train(self, _: Request, tenant_id: str, body: bytes) -> Response:
        wanted = TrainingJobRequest.model_validate_json(body)
        job = TrainingJob(
            job_id=f"job{len(self.jobs) + 1}",
            tenant_id=tenant_id,
            snapshot_id=wanted.snapshot_id,
            model_type=wanted.model_type,
            seed=wanted.seed,
            status=JobStatus.QUEUED,
            stage="",
            progress=0,
            created_at=MOMENT,
        )
        self.jobs[job.job_id] = job
        return _json(job)

    def _jobs(self, request: Request, tenant_id: str, _: bytes) -> Response:
        assert 1 <= int(request.query_params["limit"]) <= 1_000
        own = [job for job in self.jobs.values() if job.tenant_id == tenant_id]
        return _json(Page[TrainingJob](data=own))

    def _job(self, request: Request, tenant_id: str, _: bytes) -> Response:
        job = self.jobs.get(request.path_params["job"])
        if job is None or job.tenant_id != tenant_id:
            return problem(404, "training_job_not_found", "there is no such job")
        return _json(job)

    def _cancel(self, request: Request, tenant_id: str, body: bytes) -> Response:
        job = self.jobs.get(request.path_params["job"])
        if job is not None:
            job.status = JobStatus.CANCELLED
        return self._job(request, tenant_id, body)

    def _models(self, _: Request, tenant_id: str, __: bytes) -> Response:
        return _json(Page[ModelVersion](data=[_model(tenant_id)]))

    def _model(self, request: Request, tenant_id: str, _: bytes) -> Response:
        if request.path_params["version"] != "7":
            return problem(404, "model_not_found", "there is no such model")
        return _json(_model(tenant_id))

    def _roll_back(self, _: Request, tenant_id: str, __: bytes) -> Response:
        return _json(_model(tenant_id))

    def _compare(self, request: Request, _: str, __: bytes) -> Response:
        query = request.query_params
        metric = MetricComparison(
            metric="ndcg_at_10",
            baseline=0.2,
            baseline_low=0.1,
            baseline_high=0.3,
            candidate=0.25,
            candidate_low=0.2,
            candidate_high=0.3,
            difference=0.05,
        )
        return _json(
            ModelComparison(
                baseline=query["baseline"],
                candidate=query["candidate"],
                same_data=True,
                metrics=[metric],
            )
        )


class DataPipeline(InternalService):
    """Keeps events, items and users by tenant and id; versions grow over all of a tenant's."""

    def __init__(self, token: str) -> None:
        super().__init__(token)
        self.stored: dict[tuple[str, str], Event] = {}
        self.items: dict[tuple[str, str], StoredItem] = {}
        self.users: dict[tuple[str, str], StoredUser] = {}
        self.merged: dict[tuple[str, str], list[str]] = {}
        self.weights: dict[tuple[str, str], float] = {}
        self.imports: dict[str, ImportJob] = {}
        self.uploaded: list[bytes] = []
        self.has_events = True
        self._version = 0

    def handlers(self) -> list[tuple[str, str, Handler]]:
        return [
            ("POST", "events", self._events),
            ("GET", "events", self._list_events),
            ("GET", "events/{id:path}", self._event),
            ("DELETE", "events/{id:path}", self._delete_event),
            ("GET", "event-types", self._event_types),
            ("PUT", "event-types/{id}", self._set_event_type),
            ("DELETE", "event-types/{id}", self._delete_event_type),
            ("POST", "items", self._items),
            ("GET", "items", self._list_items),
            ("GET", "items/{id:path}", self._item),
            ("PUT", "items/{id:path}", self._put_item),
            ("PATCH", "items/{id:path}", self._patch_item),
            ("DELETE", "items/{id:path}", self._delete_item),
            ("POST", "users", self._users),
            ("GET", "users", self._list_users),
            ("GET", "users/{id:path}/history", self._history),
            ("GET", "users/{id:path}/data", self._data),
            ("POST", "users/{id:path}/merge", self._merge),
            ("GET", "users/{id:path}", self._user),
            ("PUT", "users/{id:path}", self._put_user),
            ("PATCH", "users/{id:path}", self._patch_user),
            ("DELETE", "users/{id:path}", self._erase),
            ("POST", "imports", self._import),
            ("GET", "imports", self._imports),
            ("GET", "imports/{id}", self._import_job),
            ("POST", "imports/{id}/cancel", self._import_job),
            ("POST", "snapshots", self._snapshot),
        ]

    def _events(self, _: Request, tenant_id: str, body: bytes) -> Response:
        try:
            batch = EventBatch.model_validate_json(body)
        except ValidationError as error:
            if error.errors()[0]["type"] == "json_invalid":
                return problem(400, "invalid_json", "the body is not JSON")
            return problem(422, "invalid_request", "the body is no batch of events")
        result = BatchResult(accepted=0, duplicates=0, rejected=[])
        for index, record in enumerate(batch.events):
            self._store(tenant_id, index, record, result)
        return _json(result)

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

    def _list_events(self, request: Request, tenant_id: str, _: bytes) -> Response:
        query = request.query_params
        if query.get("cursor", "good") != "good":
            return problem(422, "invalid_cursor", "the cursor is not valid")
        rows = [
            _stored(event)
            for (tenant, _), event in self.stored.items()
            if tenant == tenant_id
            and query.get("user_id", event.user_id) == event.user_id
            and query.get("item_id", event.item_id) == event.item_id
        ]
        limit = int(query["limit"])
        cursor = "good" if len(rows) > limit else None
        return _json(Page[StoredEvent](data=rows[:limit], next_cursor=cursor))

    def _event(self, request: Request, tenant_id: str, _: bytes) -> Response:
        event = self.stored.get((tenant_id, request.path_params["id"]))
        return _json(_stored(event)) if event else _no("event")

    def _delete_event(self, request: Request, tenant_id: str, _: bytes) -> Response:
        event = self.stored.pop((tenant_id, request.path_params["id"]), None)
        return Response(status_code=204) if event else _no("event")

    def _event_types(self, _: Request, tenant_id: str, __: bytes) -> Response:
        own = [name for tenant, name in self.weights if tenant == tenant_id]
        return JSONResponse([self._type(tenant_id, name).model_dump() for name in own])

    def _set_event_type(self, request: Request, tenant_id: str, body: bytes) -> Response:
        name = request.path_params["id"]
        self.weights[tenant_id, name] = EventTypeWeight.model_validate_json(body).weight
        return _json(self._type(tenant_id, name))

    def _delete_event_type(self, request: Request, tenant_id: str, _: bytes) -> Response:
        weight = self.weights.pop((tenant_id, request.path_params["id"]), None)
        return Response(status_code=204) if weight is not None else _no("event_type")

    def _type(self, tenant_id: str, name: str) -> EventTypeSettings:
        return EventTypeSettings(
            event_type=name, weight=self.weights[tenant_id, name], standard=False
        )

    def _items(self, _: Request, tenant_id: str, body: bytes) -> Response:
        items = ItemBatch.model_validate_json(body).items
        for item in items:
            self._keep_item(tenant_id, item["item_id"], item)
        return _json(BatchResult(accepted=len(items), duplicates=0, rejected=[]))

    def _keep_item(self, tenant_id: str, item_id: str, content: dict[str, Any]) -> StoredItem:
        self._version += 1
        fields = {**content, "item_id": item_id, "version": self._version, "updated_at": MOMENT}
        item = StoredItem.model_validate(fields)
        self.items[tenant_id, item_id] = item
        return item

    def _list_items(self, request: Request, tenant_id: str, _: bytes) -> Response:
        rows = [item for (tenant, _), item in self.items.items() if tenant == tenant_id]
        return _json(Page[StoredItem](data=rows[: int(request.query_params["limit"])]))

    def _item(self, request: Request, tenant_id: str, _: bytes) -> Response:
        item = self.items.get((tenant_id, request.path_params["id"]))
        return _json(item) if item else _no("item")

    def _put_item(self, request: Request, tenant_id: str, body: bytes) -> Response:
        item_id = request.path_params["id"]
        if _conflicts(request, self.items.get((tenant_id, item_id))):
            return _conflict()
        content = ItemContent.model_validate_json(body)
        return _json(self._keep_item(tenant_id, item_id, content.model_dump()))

    def _patch_item(self, request: Request, tenant_id: str, body: bytes) -> Response:
        known = self.items.get((tenant_id, request.path_params["id"]))
        if known is None:
            return _no("item")
        if _conflicts(request, known):
            return _conflict()
        changes = ItemChanges.model_validate_json(body).model_dump(exclude_unset=True)
        return _json(self._keep_item(tenant_id, known.item_id, {**known.model_dump(), **changes}))

    def _delete_item(self, request: Request, tenant_id: str, _: bytes) -> Response:
        known = self.items.get((tenant_id, request.path_params["id"]))
        if known is None:
            return _no("item")
        if _conflicts(request, known):
            return _conflict()
        del self.items[tenant_id, known.item_id]
        return Response(status_code=204)

    def _users(self, _: Request, tenant_id: str, body: bytes) -> Response:
        users = UserBatch.model_validate_json(body).users
        for user in users:
            self._keep_user(tenant_id, user["user_id"], user.get("attributes", {}))
        return _json(BatchResult(accepted=len(users), duplicates=0, rejected=[]))

    def _keep_user(self, tenant_id: str, user_id: str, attributes: dict[str, Any]) -> StoredUser:
        self._version += 1
        user = StoredUser(
            user_id=user_id, attributes=attributes, version=self._version, updated_at=MOMENT
        )
        self.users[tenant_id, user_id] = user
        return user

    def _list_users(self, request: Request, tenant_id: str, _: bytes) -> Response:
        rows = [user for (tenant, _), user in self.users.items() if tenant == tenant_id]
        return _json(Page[StoredUser](data=rows[: int(request.query_params["limit"])]))

    def _user(self, request: Request, tenant_id: str, _: bytes) -> Response:
        user = self.users.get((tenant_id, request.path_params["id"]))
        return _json(user) if user else _no("user")

    def _put_user(self, request: Request, tenant_id: str, body: bytes) -> Response:
        user_id = request.path_params["id"]
        if _conflicts(request, self.users.get((tenant_id, user_id))):
            return _conflict()
        profile = UserProfile.model_validate_json(body)
        return _json(self._keep_user(tenant_id, user_id, dict(profile.attributes)))

    def _patch_user(self, request: Request, tenant_id: str, body: bytes) -> Response:
        known = self.users.get((tenant_id, request.path_params["id"]))
        if known is None:
            return _no("user")
        if _conflicts(request, known):
            return _conflict()
        changes = UserChanges.model_validate_json(body).attributes or {}
        merged = {**known.attributes, **changes}
        kept = {name: value for name, value in merged.items() if value is not None}
        return _json(self._keep_user(tenant_id, known.user_id, kept))

    def _history(self, request: Request, tenant_id: str, _: bytes) -> Response:
        del tenant_id
        return _json(History(user_id=request.path_params["id"], events=[]))

    def _merge(self, request: Request, tenant_id: str, body: bytes) -> Response:
        user_id = request.path_params["id"]
        session = UserMerge.model_validate_json(body).from_user_id
        self.merged.setdefault((tenant_id, user_id), []).append(session)
        return _json(UserMerged(user_id=user_id, from_user_id=session, events_moved=0))

    def _data(self, request: Request, tenant_id: str, _: bytes) -> Response:
        user_id = request.path_params["id"]
        profile = self.users.get((tenant_id, user_id))
        merged = self.merged.get((tenant_id, user_id), [])
        events = self._of_user(tenant_id, [user_id, *merged])
        if profile is None and not events and not merged:
            return _no("user")
        rows = [_stored(event) for event in events]
        return _json(UserData(user_id=user_id, profile=profile, merged_from=merged, events=rows))

    def _erase(self, request: Request, tenant_id: str, _: bytes) -> Response:
        user_id = request.path_params["id"]
        merged = self.merged.pop((tenant_id, user_id), [])
        events = self._of_user(tenant_id, [user_id, *merged])
        for event in events:
            del self.stored[tenant_id, event.event_id]
        profile = self.users.pop((tenant_id, user_id), None)
        places = [
            ErasedPlace(place="events", removed=len(events), remaining=0),
            ErasedPlace(place="profile", removed=int(profile is not None), remaining=0),
        ]
        return _json(UserErased(user_id=user_id, places=places))

    def _of_user(self, tenant_id: str, user_ids: list[str]) -> list[Event]:
        return [
            event
            for (tenant, _), event in self.stored.items()
            if tenant == tenant_id and event.user_id in user_ids
        ]

    def _import(self, request: Request, tenant_id: str, body: bytes) -> Response:
        self.uploaded.append(body)
        job = ImportJob(
            import_id=f"import{len(self.imports) + 1}",
            tenant_id=tenant_id,
            data_type=DataType(request.query_params["data_type"]),
            format=FileFormat(request.query_params["format"]),
            bytes=len(body),
            status=ImportStatus.QUEUED,
            progress=0,
            rows=0,
            accepted=0,
            duplicates=0,
            rejected=0,
            first_rejections=[],
            created_at=MOMENT,
        )
        self.imports[job.import_id] = job
        return _json(job)

    def _imports(self, _: Request, tenant_id: str, __: bytes) -> Response:
        own = [job for job in self.imports.values() if job.tenant_id == tenant_id]
        return _json(Page[ImportJob](data=own))

    def _import_job(self, request: Request, tenant_id: str, _: bytes) -> Response:
        job = self.imports.get(request.path_params["id"])
        return _json(job) if job and job.tenant_id == tenant_id else _no("import")

    def _snapshot(self, _: Request, tenant_id: str, __: bytes) -> Response:
        if not self.has_events:
            return problem(409, "empty_snapshot", "there are no events to freeze: send some")
        file = SnapshotFile(key="k", rows=1, sha256="0" * 64)
        return _json(
            SnapshotManifest(
                snapshot_id="snap1",
                tenant_id=tenant_id,
                format_version=1,
                created_at=MOMENT,
                last_sequence=1,
                users=1,
                event_weights={},
                events=file,
                items=file,
            )
        )


def _json(model: BaseModel) -> Response:
    return Response(model.model_dump_json(), media_type="application/json")


def _no(kind: str) -> Response:
    return problem(404, f"{kind}_not_found", f"there is no such {kind}")


def _conflict() -> Response:
    return problem(412, "version_conflict", "the record has changed")


def _conflicts(request: Request, known: StoredItem | StoredUser | None) -> bool:
    wanted = request.query_params.get("if_match")
    return wanted is not None and int(wanted) != (known.version if known else 0)


def _stored(event: Event) -> StoredEvent:
    return StoredEvent(**event.model_dump(), received_at=MOMENT)


def _model(tenant_id: str) -> ModelVersion:
    return ModelVersion(
        model_version="7",
        tenant_id=tenant_id,
        model_type=ModelType.TWO_TOWER,
        snapshot_id="snap1",
        data_hash="abc",
        seed=0,
        code_version="1",
        parameters={},
        created_at=MOMENT,
        report={"ndcg_at_10": 0.2},
        serving=True,
    )
