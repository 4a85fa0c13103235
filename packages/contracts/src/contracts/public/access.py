"""Tenants, plans, API keys and the audit log."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from contracts.identifiers import TenantId

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
PlanId = TenantId
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217, such as EUR."""

DEFAULT_PLAN = "standard"


class Scope(StrEnum):
    """What a key may do: read, write, or administer; none includes another."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class RouteClass(StrEnum):
    """Kinds of requests, each with a rate limit of its own."""

    SERVING = "serving"
    INGESTION = "ingestion"
    MANAGEMENT = "management"


class RateLimit(BaseModel):
    """A token bucket: `burst` requests at once, refilled by `per_second`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_second: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
    burst: Annotated[int, Field(ge=1, le=1_000_000)]


class PlanSettings(BaseModel):
    """What a plan allows and what it costs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limits: Annotated[
        dict[RouteClass, RateLimit], Field(description="A class that is left out has no limit.")
    ]
    monthly_requests: Annotated[
        int | None, Field(ge=0, description="Requests in a calendar month (UTC); null for any.")
    ] = None
    price_per_1000_requests: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=6)]
    currency: Currency


class Plan(PlanSettings):
    """A plan that tenants can be on."""

    plan_id: PlanId


class TenantStatus(StrEnum):
    """Whether a tenant's keys are accepted."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class NewTenant(BaseModel):
    """A tenant to create; its name is its id where none is given."""

    model_config = ConfigDict(extra="forbid")

    tenant_id: TenantId
    name: Name | None = None
    plan_id: PlanId = DEFAULT_PLAN


class TenantChanges(BaseModel):
    """What to change of a tenant; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    plan_id: PlanId | None = None
    status: TenantStatus | None = None


class Tenant(BaseModel):
    """One customer."""

    tenant_id: str
    name: str
    plan_id: str
    status: TenantStatus
    created_at: AwareDatetime


class TenantAccount(Tenant):
    """A tenant with its plan, and how much of this month (UTC) it has used."""

    plan: Plan
    requests_this_month: int


class NewKey(BaseModel):
    """An API key to create."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=3)] = [Scope.READ, Scope.WRITE]
    expires_at: AwareDatetime | None = None


class KeyRotation(BaseModel):
    """How long the old key goes on working beside the new one."""

    model_config = ConfigDict(extra="forbid")

    overlap_seconds: Annotated[int, Field(ge=0, le=30 * 86_400)] = 86_400


class ApiKey(BaseModel):
    """An API key without its secret; `tenant_id` is null for a key of the operator."""

    key_id: str
    tenant_id: str | None
    name: str | None
    scopes: list[Scope]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None
    revoked_at: AwareDatetime | None


class CreatedKey(ApiKey):
    """A new API key: the only answer that has the key itself.

    Where the answer is repeated for the same Idempotency-Key, `key` is null: keys are stored
    nowhere. A key that was lost on the way is best rotated without overlap.
    """

    key: Annotated[str | None, Field(repr=False)]


class AuditEntry(BaseModel):
    """One administrative act: who did what to whom, and when."""

    audit_id: str
    at: AwareDatetime
    actor: Annotated[str, Field(description="The id of a key, or `cli`.")]
    tenant_id: str | None
    action: str
    target: str
    details: dict[str, Any]
