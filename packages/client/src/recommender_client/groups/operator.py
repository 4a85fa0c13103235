"""What the operator of the recommender does: tenants and plans."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from contracts.pages import DEFAULT_PAGE, Page
from contracts.public.access import (
    DEFAULT_PLAN,
    ApiKey,
    AuditEntry,
    CreatedKey,
    NewKey,
    NewTenant,
    Plan,
    PlanSettings,
    Scope,
    Tenant,
    TenantChanges,
    TenantStatus,
)
from contracts.public.usage import UsageReport
from recommender_client.calls import Call, fetch, nothing, text, write
from recommender_client.groups.access import READ_AND_WRITE, audit_page, days, key_page
from recommender_client.listings import Pages, pages
from recommender_client.operations import Group, Operation, Paged, RunnerT

_tenant = Tenant.model_validate_json
_tenant_page = Page[Tenant].model_validate_json
_plan = Plan.model_validate_json
_plan_page = Page[Plan].model_validate_json


class Tenants(Group[RunnerT]):
    """The customers."""

    @Operation
    def create(
        self, tenant_id: str, *, name: str | None = None, plan_id: str = DEFAULT_PLAN
    ) -> Call[Tenant]:
        """Create a tenant; its name is its id where none is given."""
        body = NewTenant(tenant_id=tenant_id, name=name, plan_id=plan_id)
        return write("POST", _tenant, "admin", "tenants", body=body)

    @Operation
    def get(self, tenant_id: str) -> Call[Tenant]:
        """One tenant."""
        return fetch(_tenant, "admin", "tenants", tenant_id)

    @Paged
    def list(self, *, page_size: int = DEFAULT_PAGE) -> Pages[Tenant]:
        """All tenants."""
        return pages(_tenant_page, "admin", "tenants", page_size=page_size)

    @Operation
    def change(
        self, tenant_id: str, *, name: str | None = None, plan_id: str | None = None
    ) -> Call[Tenant]:
        """Change a tenant's name or plan; what is None stays."""
        return _change(tenant_id, name=name, plan_id=plan_id)

    @Operation
    def suspend(self, tenant_id: str) -> Call[Tenant]:
        """Refuse the tenant's keys until it is resumed."""
        return _change(tenant_id, status=TenantStatus.SUSPENDED)

    @Operation
    def resume(self, tenant_id: str) -> Call[Tenant]:
        """Accept the tenant's keys again."""
        return _change(tenant_id, status=TenantStatus.ACTIVE)


class TenantKeys(Group[RunnerT]):
    """The keys of any tenant."""

    @Operation
    def create(
        self,
        tenant_id: str,
        *,
        name: str | None = None,
        scopes: Sequence[Scope] = READ_AND_WRITE,
        expires_at: datetime | None = None,
    ) -> Call[CreatedKey]:
        """Create a key. `CreatedKey.key` is the key itself: this is the only time to see it.

        It is None where the answer was lost on the way and asked for again: rotate that key.
        """
        body = NewKey(name=name, scopes=list(scopes), expires_at=expires_at)
        read = CreatedKey.model_validate_json
        return write("POST", read, "admin", "tenants", tenant_id, "keys", body=body)

    @Paged
    def list(self, tenant_id: str, *, page_size: int = DEFAULT_PAGE) -> Pages[ApiKey]:
        """A tenant's keys, without their secrets."""
        return pages(key_page, "admin", "tenants", tenant_id, "keys", page_size=page_size)


class Plans(Group[RunnerT]):
    """What tenants may do, and at what price."""

    @Operation
    def put(self, plan_id: str, settings: PlanSettings) -> Call[Plan]:
        """Create or replace a plan."""
        return write("PUT", _plan, "admin", "plans", plan_id, body=settings)

    @Operation
    def get(self, plan_id: str) -> Call[Plan]:
        """One plan."""
        return fetch(_plan, "admin", "plans", plan_id)

    @Paged
    def list(self, *, page_size: int = DEFAULT_PAGE) -> Pages[Plan]:
        """All plans, by id."""
        return pages(_plan_page, "admin", "plans", page_size=page_size)

    @Operation
    def delete(self, plan_id: str) -> Call[None]:
        """Remove a plan that no tenant is on."""
        return write("DELETE", nothing, "admin", "plans", plan_id)


class AllUsage(Group[RunnerT]):
    """What all tenants used."""

    @Operation
    def report(self, *, since: date | None = None, until: date | None = None) -> Call[UsageReport]:
        """Use by day, tenant and endpoint, from one day (UTC) to another, both included."""
        read = UsageReport.model_validate_json
        return fetch(read, "admin", "usage", **days(since, until))

    @Operation
    def csv(self, *, since: date | None = None, until: date | None = None) -> Call[str]:
        """The same rows as a CSV file."""
        return fetch(text, "admin", "usage.csv", **days(since, until))


class AllAuditLog(Group[RunnerT]):
    """Who administered what, of all tenants."""

    @Paged
    def list(self, *, page_size: int = DEFAULT_PAGE) -> Pages[AuditEntry]:
        """All administrative acts, newest first."""
        return pages(audit_page, "admin", "audit-log", page_size=page_size)


def _change(tenant_id: str, **changes: Any) -> Call[Tenant]:
    given = {name: value for name, value in changes.items() if value is not None}
    return write(
        "PATCH", _tenant, "admin", "tenants", tenant_id, body=TenantChanges.model_validate(given)
    )
