"""Why a caller is not let in, and what administration refuses."""

import math

from backend_api.domain.errors import DomainError


class InsufficientScope(DomainError):
    """The key is good, but not for this."""

    def __init__(self, scope: str) -> None:
        super().__init__(
            "insufficient_scope",
            f"this key lacks the scope `{scope}`: use one that has it, or create one",
        )


class TenantKeyRequired(DomainError):
    """An operator's key where a tenant's is needed."""

    def __init__(self) -> None:
        super().__init__(
            "tenant_key_required",
            "this key belongs to the operator and to no tenant: use a tenant's key",
        )


class OperatorKeyRequired(DomainError):
    """A tenant's key on the operator's routes, of which tenants need not know."""

    def __init__(self) -> None:
        super().__init__(
            "no_such_path", "there is nothing at this path: see /openapi.json for those there are"
        )


class TenantSuspended(DomainError):
    """The tenant's keys are not accepted for now."""

    def __init__(self) -> None:
        super().__init__(
            "tenant_suspended", "this tenant is suspended: ask who runs the service to resume it"
        )


class RateLimited(DomainError):
    """The tenant asks too often; it may ask again in `retry_after` seconds."""

    def __init__(self, route_class: str, retry_after: float) -> None:
        super().__init__(
            "rate_limited",
            f"too many {route_class} requests: wait for Retry-After seconds and ask less often",
        )
        self.retry_after = max(1, math.ceil(retry_after))


class QuotaExceeded(DomainError):
    """The month's requests are used up; the next month begins in `retry_after` seconds."""

    def __init__(self, monthly_requests: int, retry_after: float) -> None:
        super().__init__(
            "quota_exceeded",
            f"the {monthly_requests} requests of this month are used up: wait for the next month "
            "(UTC) or ask for another plan",
        )
        self.retry_after = max(1, math.ceil(retry_after))


class PlanNotFound(DomainError):
    """No plan has this id."""

    def __init__(self, plan_id: str) -> None:
        super().__init__("plan_not_found", f"there is no plan {plan_id}: list the plans, or set it")


class PlanInUse(DomainError):
    """The plan cannot be deleted."""

    def __init__(self, plan_id: str) -> None:
        super().__init__(
            "plan_in_use",
            f"plan {plan_id} is the default or has tenants: put them on another plan first",
        )


class InvalidKeyExpiry(DomainError):
    """A key would end before it begins."""

    def __init__(self) -> None:
        super().__init__("invalid_key_expiry", "expires_at must be in the future")


class KeyNotActive(DomainError):
    """A revoked or expired key cannot be rotated."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            "key_not_active", f"key {key_id} is revoked or expired: create a new one instead"
        )


class InvalidCursor(DomainError):
    """The cursor is not one that a page gave."""

    def __init__(self) -> None:
        super().__init__(
            "invalid_cursor", "the cursor is not valid: use next_cursor of the page before"
        )


class InvalidIdempotencyKey(DomainError):
    """The Idempotency-Key is of no use as one."""

    def __init__(self) -> None:
        super().__init__(
            "invalid_idempotency_key",
            "Idempotency-Key must be 1 to 255 visible ASCII characters, given once",
        )


class IdempotencyKeyReused(DomainError):
    """The Idempotency-Key belongs to another request."""

    def __init__(self) -> None:
        super().__init__(
            "idempotency_key_reused",
            "this Idempotency-Key was used for another request: use a new one for each request",
        )


class IdempotencyKeyInUse(DomainError):
    """The request with this Idempotency-Key has no answer yet."""

    def __init__(self) -> None:
        super().__init__(
            "idempotency_key_in_use",
            "the request with this Idempotency-Key still runs: ask again after Retry-After seconds",
        )
