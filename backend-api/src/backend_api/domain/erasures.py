"""Erasures: what a receipt tells, and how it names a user without saying who it is."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from contracts.users import ErasedPlace


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure; without `completed_at` it was cut off, and asking again completes it."""

    erasure_id: str
    tenant_id: str
    user_id_hash: str
    requested_at: datetime
    completed_at: datetime | None = None
    places: tuple[ErasedPlace, ...] = ()
    merged_id_hashes: frozenset[str] = frozenset()
    """Those of the ids that were merged into the user."""

    begun_at: datetime | None = None
    """When it began last; an erasure that was cut off begins again."""

    @property
    def ended_at(self) -> datetime:
        """When it was completed. Raises `ValueError` for one that is not."""
        if self.completed_at is None:
            raise ValueError(f"erasure {self.erasure_id} is not completed")
        return self.completed_at


def user_id_hash(secret: bytes, tenant_id: str, user_id: str) -> str:
    """HMAC-SHA-256 of a tenant's user id, in hexadecimal.

    Whoever knows the secret and the id can tell that a receipt is this user's; the receipt
    alone names nobody. No tenant id holds the NUL that separates the two.
    """
    return hmac.new(secret, f"{tenant_id}\0{user_id}".encode(), hashlib.sha256).hexdigest()


def erased_among(
    users: Iterable[tuple[str, str]], erasures: Iterable[Erasure], secret: bytes
) -> dict[str, set[str]]:
    """Those of the users (tenant id, user id) whom the erasures are about, by tenant."""
    hashes: dict[str, set[str]] = {}
    for one in erasures:
        hashes.setdefault(one.tenant_id, set()).update(one.merged_id_hashes, {one.user_id_hash})
    found: dict[str, set[str]] = {}
    for tenant_id, user_id in users if hashes else ():
        of_tenant = hashes.get(tenant_id)
        if of_tenant and user_id_hash(secret, tenant_id, user_id) in of_tenant:
            found.setdefault(tenant_id, set()).add(user_id)
    return found
