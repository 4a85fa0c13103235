"""Typed client of data-pipeline."""

from collections.abc import AsyncIterable, Mapping
from datetime import date
from typing import TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel, TypeAdapter

from contracts.accounting import Accounting
from contracts.client import ServiceClient
from contracts.events import (
    BatchResult,
    EventBatch,
    EventTypeSettings,
    EventTypeWeight,
    History,
    StoredEvent,
)
from contracts.imports import (
    MEDIA_TYPES,
    ColumnMapping,
    DataType,
    FileFormat,
    ImportJob,
    ImportRequest,
)
from contracts.items import ItemBatch, ItemChanges, ItemContent, StoredItem
from contracts.pages import Page
from contracts.quarantine import (
    QuarantinedContent,
    QuarantinedRecord,
    QuarantineFilter,
    QuarantineReplay,
    QuarantineReplayed,
)
from contracts.snapshots import SnapshotManifest, TrainingData
from contracts.users import (
    StoredUser,
    UserBatch,
    UserChanges,
    UserData,
    UserErased,
    UserMerge,
    UserMerged,
    UserProfile,
)
from contracts.validation_rules import RuleSet, RuleSetVersion

ModelT = TypeVar("ModelT", bound=BaseModel)
_mapping = TypeAdapter(ColumnMapping)
_event_types = TypeAdapter(list[EventTypeSettings])


class DataPipelineClient(ServiceClient):
    """Records in and out, imports, snapshots.

    `if_match` is the version that a record must still have; otherwise the answer is a
    `ServiceError` with 412 `version_conflict`. Version 0 means that there must be none yet.
    """

    async def send_events(self, tenant_id: str, batch: EventBatch | bytes) -> BatchResult:
        """Store a batch of events, given as a model or as its JSON."""
        return await self._ask(BatchResult, "POST", f"/v1/tenants/{tenant_id}/events", batch)

    async def send_items(self, tenant_id: str, batch: ItemBatch | bytes) -> BatchResult:
        """Create or replace a batch of items."""
        return await self._ask(BatchResult, "POST", f"/v1/tenants/{tenant_id}/items", batch)

    async def send_users(self, tenant_id: str, batch: UserBatch | bytes) -> BatchResult:
        """Create or replace a batch of users."""
        return await self._ask(BatchResult, "POST", f"/v1/tenants/{tenant_id}/users", batch)

    async def event(self, tenant_id: str, event_id: str) -> StoredEvent:
        """One event."""
        return await self._ask(StoredEvent, "GET", _of(tenant_id, "events", event_id))

    async def events(
        self,
        tenant_id: str,
        *,
        limit: int,
        cursor: str | None = None,
        user_id: str | None = None,
        item_id: str | None = None,
    ) -> Page[StoredEvent]:
        """Events, newest stored first; of one user or item where given."""
        query = _query(limit=limit, cursor=cursor, user_id=user_id, item_id=item_id)
        return await self._ask(Page[StoredEvent], "GET", f"/v1/tenants/{tenant_id}/events{query}")

    async def delete_event(self, tenant_id: str, event_id: str) -> None:
        """Remove an event, from the log and from the features."""
        await self.request("DELETE", _of(tenant_id, "events", event_id))

    async def event_types(self, tenant_id: str) -> list[EventTypeSettings]:
        """The tenant's event types, by name."""
        content = await self.request("GET", f"/v1/tenants/{tenant_id}/event-types")
        return _event_types.validate_json(content)

    async def set_event_type(
        self, tenant_id: str, event_type: str, weight: EventTypeWeight
    ) -> EventTypeSettings:
        """Declare an event type, or change the weight of one."""
        path = f"/v1/tenants/{tenant_id}/event-types/{event_type}"
        return await self._ask(EventTypeSettings, "PUT", path, weight)

    async def delete_event_type(self, tenant_id: str, event_type: str) -> None:
        """Take a custom type back, or give a standard one its own weight again."""
        await self.request("DELETE", f"/v1/tenants/{tenant_id}/event-types/{event_type}")

    async def validation_rules(self, tenant_id: str) -> RuleSetVersion:
        """The rules that the tenant's records are checked by."""
        return await self._ask(RuleSetVersion, "GET", f"/v1/tenants/{tenant_id}/validation-rules")

    async def set_validation_rules(self, tenant_id: str, rules: RuleSet) -> RuleSetVersion:
        """Make a new version of the rules."""
        path = f"/v1/tenants/{tenant_id}/validation-rules"
        return await self._ask(RuleSetVersion, "PUT", path, rules)

    async def delete_validation_rules(self, tenant_id: str) -> None:
        """Go back to the standard."""
        await self.request("DELETE", f"/v1/tenants/{tenant_id}/validation-rules")

    async def validation_rules_versions(
        self, tenant_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[RuleSetVersion]:
        """The versions that were set, newest first."""
        path = f"/v1/tenants/{tenant_id}/validation-rules/versions"
        query = _query(limit=limit, cursor=cursor)
        return await self._ask(Page[RuleSetVersion], "GET", path + query)

    async def item(self, tenant_id: str, item_id: str) -> StoredItem:
        """One item."""
        return await self._ask(StoredItem, "GET", _of(tenant_id, "items", item_id))

    async def items(
        self, tenant_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[StoredItem]:
        """Items by id."""
        query = _query(limit=limit, cursor=cursor)
        return await self._ask(Page[StoredItem], "GET", f"/v1/tenants/{tenant_id}/items{query}")

    async def put_item(
        self, tenant_id: str, item_id: str, content: ItemContent, if_match: int | None = None
    ) -> StoredItem:
        """Create or replace an item."""
        path = _of(tenant_id, "items", item_id) + _query(if_match=if_match)
        return await self._ask(StoredItem, "PUT", path, content)

    async def patch_item(
        self, tenant_id: str, item_id: str, changes: ItemChanges, if_match: int | None = None
    ) -> StoredItem:
        """Change what `changes` sets, explicit nulls included."""
        path = _of(tenant_id, "items", item_id) + _query(if_match=if_match)
        return await self._ask(StoredItem, "PATCH", path, _set_fields(changes))

    async def delete_item(self, tenant_id: str, item_id: str, if_match: int | None = None) -> None:
        """Remove an item; it is never recommended again."""
        await self.request("DELETE", _of(tenant_id, "items", item_id) + _query(if_match=if_match))

    async def user(self, tenant_id: str, user_id: str) -> StoredUser:
        """One user's profile."""
        return await self._ask(StoredUser, "GET", _of(tenant_id, "users", user_id))

    async def users(
        self, tenant_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[StoredUser]:
        """Users by id."""
        query = _query(limit=limit, cursor=cursor)
        return await self._ask(Page[StoredUser], "GET", f"/v1/tenants/{tenant_id}/users{query}")

    async def put_user(
        self, tenant_id: str, user_id: str, profile: UserProfile, if_match: int | None = None
    ) -> StoredUser:
        """Create or replace a user's profile."""
        path = _of(tenant_id, "users", user_id) + _query(if_match=if_match)
        return await self._ask(StoredUser, "PUT", path, profile)

    async def patch_user(
        self, tenant_id: str, user_id: str, changes: UserChanges, if_match: int | None = None
    ) -> StoredUser:
        """Change what `changes` sets, explicit nulls included."""
        path = _of(tenant_id, "users", user_id) + _query(if_match=if_match)
        return await self._ask(StoredUser, "PATCH", path, _set_fields(changes))

    async def merge_user(self, tenant_id: str, user_id: str, merge: UserMerge) -> UserMerged:
        """Make the events of an anonymous session the user's, and those to come."""
        path = _of(tenant_id, "users", user_id) + "/merge"
        return await self._ask(UserMerged, "POST", path, merge)

    async def erase_user(self, tenant_id: str, user_id: str) -> UserErased:
        """Remove everything that is stored of a user, merged ids included."""
        return await self._ask(UserErased, "DELETE", _of(tenant_id, "users", user_id))

    async def user_data(self, tenant_id: str, user_id: str) -> UserData:
        """Everything that is stored of a user."""
        return await self._ask(UserData, "GET", _of(tenant_id, "users", user_id) + "/data")

    async def history(self, tenant_id: str, user_id: str) -> History:
        """A user's recent events, oldest first."""
        return await self._ask(History, "GET", _of(tenant_id, "users", user_id) + "/history")

    async def start_import(
        self,
        tenant_id: str,
        data_type: DataType,
        file_format: FileFormat,
        content: bytes | AsyncIterable[bytes],
        mapping: ColumnMapping | None = None,
    ) -> ImportJob:
        """Take in a whole file by a job."""
        query = _query(
            data_type=data_type.value,
            format=file_format.value,
            mapping=_mapping.dump_json(mapping).decode() if mapping else None,
        )
        path = f"/v1/tenants/{tenant_id}/imports{query}"
        answer = await self.request("POST", path, content, MEDIA_TYPES[file_format])
        return ImportJob.model_validate_json(answer)

    async def start_import_from_url(self, tenant_id: str, request: ImportRequest) -> ImportJob:
        """Take in a file that the job fetches."""
        return await self._ask(ImportJob, "POST", f"/v1/tenants/{tenant_id}/imports", request)

    async def import_job(self, tenant_id: str, import_id: str) -> ImportJob:
        """How an import stands."""
        return await self._ask(ImportJob, "GET", _of(tenant_id, "imports", import_id))

    async def import_jobs(
        self, tenant_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[ImportJob]:
        """Imports, newest first."""
        query = _query(limit=limit, cursor=cursor)
        return await self._ask(Page[ImportJob], "GET", f"/v1/tenants/{tenant_id}/imports{query}")

    async def cancel_import(self, tenant_id: str, import_id: str) -> ImportJob:
        """End an import; what it has stored stays."""
        return await self._ask(ImportJob, "POST", _of(tenant_id, "imports", import_id) + "/cancel")

    async def accounting(
        self, tenant_id: str, first: date | None = None, last: date | None = None
    ) -> Accounting:
        """The books of some days, both included; by default of the thirty until today."""
        days = {"from": first and first.isoformat(), "to": last and last.isoformat()}
        path = f"/v1/tenants/{tenant_id}/accounting{_query(**days)}"
        return await self._ask(Accounting, "GET", path)

    async def quarantine(
        self,
        tenant_id: str,
        where: QuarantineFilter,
        *,
        limit: int,
        cursor: str | None = None,
    ) -> Page[QuarantinedRecord]:
        """Records in quarantine, newest first."""
        query = _query(limit=limit, cursor=cursor, **where.model_dump(exclude_none=True))
        return await self._ask(
            Page[QuarantinedRecord], "GET", f"/v1/tenants/{tenant_id}/quarantine{query}"
        )

    async def quarantined(self, tenant_id: str, quarantine_id: int) -> QuarantinedContent:
        """A record in quarantine with its bytes."""
        path = _of(tenant_id, "quarantine", str(quarantine_id))
        return await self._ask(QuarantinedContent, "GET", path)

    async def discard_quarantined(self, tenant_id: str, quarantine_id: int) -> None:
        """Forget a record in quarantine."""
        await self.request("DELETE", _of(tenant_id, "quarantine", str(quarantine_id)))

    async def replay(self, tenant_id: str, wanted: QuarantineReplay) -> QuarantineReplayed:
        """Give records in quarantine to the pipeline again."""
        path = f"/v1/tenants/{tenant_id}/quarantine/replay"
        return await self._ask(QuarantineReplayed, "POST", path, wanted)

    async def create_snapshot(self, tenant_id: str) -> SnapshotManifest:
        """Freeze what the tenant has now into a training snapshot."""
        return await self._ask(SnapshotManifest, "POST", f"/v1/tenants/{tenant_id}/snapshots")

    async def training_data(self, tenant_id: str) -> TrainingData:
        """How many events there are to train from, and how many came since the last snapshot."""
        return await self._ask(TrainingData, "GET", f"/v1/tenants/{tenant_id}/training-data")

    async def _ask(
        self,
        model: type[ModelT],
        method: str,
        path: str,
        body: BaseModel | bytes | AsyncIterable[bytes] = b"",
    ) -> ModelT:
        return model.model_validate_json(await self.request(method, path, body))


def _of(tenant_id: str, kind: str, name: str) -> str:
    return f"/v1/tenants/{tenant_id}/{kind}/{quote(name, safe='')}"


def _query(**parameters: str | int | None) -> str:
    given: Mapping[str, str | int] = {k: v for k, v in parameters.items() if v is not None}
    return f"?{urlencode(given)}" if given else ""


def _set_fields(changes: BaseModel) -> bytes:
    # In a merge patch what is absent and what is null mean two things.
    return changes.model_dump_json(exclude_unset=True).encode()
