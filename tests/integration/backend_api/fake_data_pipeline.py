"""data-pipeline as backend-api meets it: a small application over the contract."""

from typing import Any

import orjson
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from tests.integration.backend_api.fake_tenant_settings import TenantSettings
from tests.integration.backend_api.internal_service import (
    MOMENT,
    Handler,
    json_answer,
    not_found,
)

from contracts.events import (
    BatchResult,
    Event,
    EventBatch,
    History,
    RejectedRecord,
    StoredEvent,
)
from contracts.imports import DataType, FileFormat, ImportJob, ImportStatus
from contracts.items import ItemBatch, ItemChanges, ItemContent, StoredItem
from contracts.pages import Page
from contracts.snapshots import (
    DataProfile,
    Distribution,
    SnapshotFile,
    SnapshotManifest,
    TrainingData,
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
from web.problems import problem

_ONE = Distribution(least=1, q25=1, median=1, q75=1, q90=1, q99=1, most=1)
_PROFILE = DataProfile(
    events=1,
    users=1,
    items=1,
    catalogue_items=1,
    sparsity=0,
    cold_item_share=0,
    first_event_at=MOMENT,
    last_event_at=MOMENT,
    events_by_type={"view": 1},
    events_per_user=_ONE,
    events_per_item=_ONE,
)


class DataPipeline(TenantSettings):
    """Keeps events, items and users by tenant and id; versions grow over all of a tenant's."""

    def __init__(self, token: str) -> None:
        super().__init__(token)
        self.stored: dict[tuple[str, str], Event] = {}
        self.items: dict[tuple[str, str], StoredItem] = {}
        self.users: dict[tuple[str, str], StoredUser] = {}
        self.merged: dict[tuple[str, str], list[str]] = {}
        self.imports: dict[str, ImportJob] = {}
        self.uploaded: list[bytes] = []
        self.has_events = True
        self.new_events = 0
        self.looks = 0
        self.snapshots: list[str] = []
        self._version = 0

    def handlers(self) -> list[tuple[str, str, Handler]]:
        return [
            *super().handlers(),
            ("POST", "events", self._events),
            ("GET", "events", self._list_events),
            ("GET", "events/{id:path}", self._event),
            ("DELETE", "events/{id:path}", self._delete_event),
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
            ("GET", "training-data", self._training_data),
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
        return json_answer(result)

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
        return json_answer(Page[StoredEvent](data=rows[:limit], next_cursor=cursor))

    def _event(self, request: Request, tenant_id: str, _: bytes) -> Response:
        event = self.stored.get((tenant_id, request.path_params["id"]))
        return json_answer(_stored(event)) if event else not_found("event")

    def _delete_event(self, request: Request, tenant_id: str, _: bytes) -> Response:
        event = self.stored.pop((tenant_id, request.path_params["id"]), None)
        return Response(status_code=204) if event else not_found("event")

    def _items(self, _: Request, tenant_id: str, body: bytes) -> Response:
        items = ItemBatch.model_validate_json(body).items
        for item in items:
            self._keep_item(tenant_id, item["item_id"], item)
        return json_answer(BatchResult(accepted=len(items), duplicates=0, rejected=[]))

    def _keep_item(self, tenant_id: str, item_id: str, content: dict[str, Any]) -> StoredItem:
        self._version += 1
        fields = {**content, "item_id": item_id, "version": self._version, "updated_at": MOMENT}
        item = StoredItem.model_validate(fields)
        self.items[tenant_id, item_id] = item
        return item

    def _list_items(self, request: Request, tenant_id: str, _: bytes) -> Response:
        rows = [item for (tenant, _), item in self.items.items() if tenant == tenant_id]
        return json_answer(Page[StoredItem](data=rows[: int(request.query_params["limit"])]))

    def _item(self, request: Request, tenant_id: str, _: bytes) -> Response:
        item = self.items.get((tenant_id, request.path_params["id"]))
        return json_answer(item) if item else not_found("item")

    def _put_item(self, request: Request, tenant_id: str, body: bytes) -> Response:
        item_id = request.path_params["id"]
        if _conflicts(request, self.items.get((tenant_id, item_id))):
            return _conflict()
        content = ItemContent.model_validate_json(body)
        return json_answer(self._keep_item(tenant_id, item_id, content.model_dump()))

    def _patch_item(self, request: Request, tenant_id: str, body: bytes) -> Response:
        known = self.items.get((tenant_id, request.path_params["id"]))
        if known is None:
            return not_found("item")
        if _conflicts(request, known):
            return _conflict()
        changes = ItemChanges.model_validate_json(body).model_dump(exclude_unset=True)
        return json_answer(
            self._keep_item(tenant_id, known.item_id, {**known.model_dump(), **changes})
        )

    def _delete_item(self, request: Request, tenant_id: str, _: bytes) -> Response:
        known = self.items.get((tenant_id, request.path_params["id"]))
        if known is None:
            return not_found("item")
        if _conflicts(request, known):
            return _conflict()
        del self.items[tenant_id, known.item_id]
        return Response(status_code=204)

    def _users(self, _: Request, tenant_id: str, body: bytes) -> Response:
        users = UserBatch.model_validate_json(body).users
        for user in users:
            self._keep_user(tenant_id, user["user_id"], user.get("attributes", {}))
        return json_answer(BatchResult(accepted=len(users), duplicates=0, rejected=[]))

    def _keep_user(self, tenant_id: str, user_id: str, attributes: dict[str, Any]) -> StoredUser:
        self._version += 1
        user = StoredUser(
            user_id=user_id, attributes=attributes, version=self._version, updated_at=MOMENT
        )
        self.users[tenant_id, user_id] = user
        return user

    def _list_users(self, request: Request, tenant_id: str, _: bytes) -> Response:
        rows = [user for (tenant, _), user in self.users.items() if tenant == tenant_id]
        return json_answer(Page[StoredUser](data=rows[: int(request.query_params["limit"])]))

    def _user(self, request: Request, tenant_id: str, _: bytes) -> Response:
        user = self.users.get((tenant_id, request.path_params["id"]))
        return json_answer(user) if user else not_found("user")

    def _put_user(self, request: Request, tenant_id: str, body: bytes) -> Response:
        user_id = request.path_params["id"]
        if _conflicts(request, self.users.get((tenant_id, user_id))):
            return _conflict()
        profile = UserProfile.model_validate_json(body)
        return json_answer(self._keep_user(tenant_id, user_id, dict(profile.attributes)))

    def _patch_user(self, request: Request, tenant_id: str, body: bytes) -> Response:
        known = self.users.get((tenant_id, request.path_params["id"]))
        if known is None:
            return not_found("user")
        if _conflicts(request, known):
            return _conflict()
        changes = UserChanges.model_validate_json(body).attributes or {}
        merged = {**known.attributes, **changes}
        kept = {name: value for name, value in merged.items() if value is not None}
        return json_answer(self._keep_user(tenant_id, known.user_id, kept))

    def _history(self, request: Request, tenant_id: str, _: bytes) -> Response:
        del tenant_id
        return json_answer(History(user_id=request.path_params["id"], events=[]))

    def _merge(self, request: Request, tenant_id: str, body: bytes) -> Response:
        user_id = request.path_params["id"]
        session = UserMerge.model_validate_json(body).from_user_id
        self.merged.setdefault((tenant_id, user_id), []).append(session)
        return json_answer(UserMerged(user_id=user_id, from_user_id=session, events_moved=0))

    def _data(self, request: Request, tenant_id: str, _: bytes) -> Response:
        user_id = request.path_params["id"]
        profile = self.users.get((tenant_id, user_id))
        merged = self.merged.get((tenant_id, user_id), [])
        events = self._of_user(tenant_id, [user_id, *merged])
        if profile is None and not events and not merged:
            return not_found("user")
        rows = [_stored(event) for event in events]
        return json_answer(
            UserData(
                user_id=user_id,
                profile=profile,
                merged_from=merged,
                events=rows,
                quarantined=[],
            )
        )

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
        return json_answer(UserErased(user_id=user_id, places=places))

    def _of_user(self, tenant_id: str, user_ids: list[str]) -> list[Event]:
        return [
            event
            for (tenant, _), event in self.stored.items()
            if tenant == tenant_id and event.user_id in user_ids
        ]

    def _import(self, request: Request, tenant_id: str, body: bytes) -> Response:
        self.uploaded.append(body)
        described = dict(request.query_params)
        if request.headers["content-type"] == "application/json":
            described |= orjson.loads(body)
        mapping = described.get("mapping", {})
        job = ImportJob(
            import_id=f"import{len(self.imports) + 1}",
            tenant_id=tenant_id,
            data_type=DataType(described["data_type"]),
            format=FileFormat(described.get("format") or "jsonl"),
            source_url=described.get("source_url"),
            mapping=orjson.loads(mapping) if isinstance(mapping, str) else mapping,
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
        return json_answer(job)

    def _imports(self, _: Request, tenant_id: str, __: bytes) -> Response:
        own = [job for job in self.imports.values() if job.tenant_id == tenant_id]
        return json_answer(Page[ImportJob](data=own))

    def _import_job(self, request: Request, tenant_id: str, _: bytes) -> Response:
        job = self.imports.get(request.path_params["id"])
        return json_answer(job) if job and job.tenant_id == tenant_id else not_found("import")

    def _snapshot(self, _: Request, tenant_id: str, __: bytes) -> Response:
        if not self.has_events:
            return problem(409, "empty_snapshot", "there are no events to freeze: send some")
        file = SnapshotFile(key="k", rows=1, sha256="0" * 64)
        self.new_events = 0
        self.snapshots.append(f"snap{len(self.snapshots) + 1}")
        return json_answer(
            SnapshotManifest(
                snapshot_id=self.snapshots[-1],
                tenant_id=tenant_id,
                format_version=1,
                created_at=MOMENT,
                last_sequence=1,
                event_weights={},
                events=file,
                items=file,
                profile=_PROFILE,
            )
        )

    def _training_data(self, _: Request, __: str, ___: bytes) -> Response:
        self.looks += 1
        last = self.snapshots[-1] if self.snapshots else None
        data = TrainingData(events=1, events_since_snapshot=self.new_events, last_snapshot_id=last)
        return json_answer(data)


def _conflict() -> Response:
    return problem(412, "version_conflict", "the record has changed")


def _conflicts(request: Request, known: StoredItem | StoredUser | None) -> bool:
    wanted = request.query_params.get("if_match")
    return wanted is not None and int(wanted) != (known.version if known else 0)


def _stored(event: Event) -> StoredEvent:
    return StoredEvent(**event.model_dump(), received_at=MOMENT)
