"""Who may do what: what a route requires, and what a verified key brings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from contracts.public.access import RouteClass, Scope

Clock = Callable[[], datetime]
"""The time now, with its offset."""

NANOS: Final = 1_000_000_000
"""Costs are whole billionths of a currency's unit: sums of them are exact."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a route asks of its caller; `operator` routes are for keys without a tenant."""

    scope: Scope
    route_class: RouteClass
    operator: bool = False


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: a tenant, by one of its keys."""

    tenant_id: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Operator:
    """Who is asking: who runs the system, by a key that belongs to no tenant."""

    key_id: str


@dataclass(frozen=True, slots=True)
class Access:
    """A verified key, its tenant and the tenant's plan: all that a request needs to be let in.

    `expires_at` is Unix seconds. `limits` are requests per second and burst by route class.
    `price` is what one request costs, in billionths of `currency`.
    """

    key_id: str
    tenant_id: str | None
    scopes: frozenset[str]
    expires_at: float | None = None
    suspended: bool = False
    limits: Mapping[str, tuple[float, int]] | None = None
    monthly_requests: int | None = None
    price: int = 0
    currency: str = ""


def utc_now() -> datetime:
    """The time now."""
    return to_the_millisecond(datetime.now(UTC))


def to_the_millisecond(moment: datetime) -> datetime:
    """The moment as it is stored, so that an answer says the same before and after."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
