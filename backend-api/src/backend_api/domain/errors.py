"""Expected failures. Each has a stable `code`; the HTTP edge alone knows status codes."""

from collections.abc import Sequence

from contracts.events import RejectedRecord
from contracts.problems import Problem


class DomainError(Exception):
    """An expected failure; the message says what happened and what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class InvalidTenantId(DomainError):
    """The name is no tenant id."""

    def __init__(self, tenant_id: str) -> None:
        super().__init__(
            "invalid_tenant_id",
            f"{tenant_id!r} is no tenant id: use up to 63 lower-case letters, digits and hyphens",
        )


class TenantExists(DomainError):
    """The tenant id is taken."""

    def __init__(self, tenant_id: str) -> None:
        super().__init__("tenant_exists", f"tenant {tenant_id} exists already")


class NoSuchTenant(DomainError):
    """Nobody has this tenant id."""

    def __init__(self, tenant_id: str) -> None:
        super().__init__("tenant_not_found", f"there is no tenant {tenant_id}: create it first")


class NoSuchKey(DomainError):
    """No key has this key id."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            "key_not_found", f"there is no key {key_id}: list a tenant's keys to see their ids"
        )


class MissingApiKey(DomainError):
    """The caller gave no key."""

    def __init__(self) -> None:
        super().__init__(
            "missing_api_key",
            "give an API key, as `Authorization: Bearer KEY` or as `X-API-Key: KEY`",
        )


class InvalidApiKey(DomainError):
    """The caller's key is malformed, unknown, expired or revoked."""

    def __init__(self) -> None:
        super().__init__(
            "invalid_api_key",
            "the API key is unknown, expired or revoked: check it or ask for another",
        )


class UnsupportedMediaType(DomainError):
    """The body is of a kind that this service does not read."""

    def __init__(self, detail: str) -> None:
        super().__init__("unsupported_media_type", detail)


class NoValidRecords(DomainError):
    """Every record of a batch was rejected."""

    def __init__(self, rejected: Sequence[RejectedRecord]) -> None:
        super().__init__(
            "no_valid_records", "no record is valid, so nothing was stored: see errors"
        )
        self.rejected = rejected


class RefusedByService(DomainError):
    """Another service refused the request for a reason that concerns the caller."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code, problem.detail)
        self.problem = problem


class DependencyUnavailable(DomainError):
    """Another service cannot be used now. `reason` is for the log, not for the caller.

    `fault` says in a word how: `timeout`, `circuit_open` or `unavailable`.
    """

    def __init__(self, dependency: str, reason: str, fault: str = "unavailable") -> None:
        super().__init__(
            f"{dependency}_unavailable",
            f"{dependency.replace('_', '-')} does not answer now: try again in a few seconds",
        )
        self.reason = reason
        self.fault = fault

    def __str__(self) -> str:
        """The reason, which logs and health show."""
        return self.reason


class CircuitOpen(DependencyUnavailable):
    """Another service did not answer in the calls before, and is not asked again yet."""

    def __init__(self, dependency: str) -> None:
        reason = f"{dependency} did not answer and is not asked again yet"
        super().__init__(dependency, reason, "circuit_open")
