"""The tenant itself: its keys, what it used, and what was done to it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from contracts.pages import DEFAULT_PAGE, Page
from contracts.public.access import (
    ApiKey,
    AuditEntry,
    CreatedKey,
    KeyRotation,
    NewKey,
    Scope,
    Tenant,
)
from contracts.public.usage import UsageReport
from recommender_client.calls import Call, fetch, nothing, text, write
from recommender_client.listings import Pages, pages
from recommender_client.operations import Group, Operation, Paged, RunnerT

READ_AND_WRITE: Final = (Scope.READ, Scope.WRITE)
OVERLAP_SECONDS: Final = 86_400
_key = ApiKey.model_validate_json
_created_key = CreatedKey.model_validate_json
key_page = Page[ApiKey].model_validate_json
audit_page = Page[AuditEntry].model_validate_json


class TenantInfo(Group[RunnerT]):
    """The tenant that the key belongs to."""

    @Operation
    def get(self) -> Call[Tenant]:
        """Its name, its plan and its state."""
        return fetch(Tenant.model_validate_json, "tenant")


class Keys(Group[RunnerT]):
    """API keys. Take a key with the scope `admin`."""

    @Operation
    def create(
        self,
        *,
        name: str | None = None,
        scopes: Sequence[Scope] = READ_AND_WRITE,
        expires_at: datetime | None = None,
    ) -> Call[CreatedKey]:
        """Create a key. `CreatedKey.key` is the key itself: this is the only time to see it.

        It is None where the answer was lost on the way and asked for again: rotate that key.
        """
        body = NewKey(name=name, scopes=list(scopes), expires_at=expires_at)
        return write("POST", _created_key, "keys", body=body)

    @Operation
    def get(self, key_id: str) -> Call[ApiKey]:
        """One key, without its secret."""
        return fetch(_key, "keys", key_id)

    @Paged
    def list(self, *, page_size: int = DEFAULT_PAGE) -> Pages[ApiKey]:
        """All keys, without their secrets."""
        return pages(key_page, "keys", page_size=page_size)

    @Operation
    def rotate(self, key_id: str, *, overlap_seconds: int = OVERLAP_SECONDS) -> Call[CreatedKey]:
        """Make a key to take this one's place, which goes on working for so many seconds.

        `CreatedKey.key` is None where the answer was lost on the way and asked for again.
        """
        body = KeyRotation(overlap_seconds=overlap_seconds)
        return write("POST", _created_key, "keys", key_id, "rotate", body=body)

    @Operation
    def revoke(self, key_id: str) -> Call[None]:
        """End a key."""
        return write("DELETE", nothing, "keys", key_id)


class Usage(Group[RunnerT]):
    """What was used, and what it costs. Takes a key with the scope `admin`."""

    @Operation
    def report(self, *, since: date | None = None, until: date | None = None) -> Call[UsageReport]:
        """Use by day and endpoint, from one day (UTC) to another, both included."""
        return fetch(UsageReport.model_validate_json, "usage", **days(since, until))

    @Operation
    def csv(self, *, since: date | None = None, until: date | None = None) -> Call[str]:
        """The same rows as a CSV file."""
        return fetch(text, "usage.csv", **days(since, until))


class AuditLog(Group[RunnerT]):
    """Who administered what. Takes a key with the scope `admin`."""

    @Paged
    def list(self, *, page_size: int = DEFAULT_PAGE) -> Pages[AuditEntry]:
        """All administrative acts, newest first."""
        return pages(audit_page, "audit-log", page_size=page_size)


def days(since: date | None, until: date | None) -> dict[str, str | None]:
    """The query of a range of days."""
    return {
        "from": since.isoformat() if since else None,
        "to": until.isoformat() if until else None,
    }
