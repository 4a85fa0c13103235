"""Whose the messages of a stream are, by their header `tenant_id`."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from data_pipeline.domain.deliveries import Rejected

UNKNOWN_TENANT: Final = "unknown"
"""Keeps, in the books and in quarantine, the messages that name no tenant."""

_TENANT_ID: Final = re.compile(rb"[a-z0-9][a-z0-9-]{0,62}")
_MISSING: Final = "The message has no header tenant_id, which must name the tenant."
_INVALID: Final = (
    "The header tenant_id must be a tenant id: up to 63 lower-case letters, digits and hyphens."
)


def by_tenant(headers: Sequence[bytes | None]) -> Mapping[str | None, Sequence[int]]:
    """Which messages are of each tenant, in their order; under None those that name none."""
    tenants = {header: _tenant_id(header) for header in set(headers)}
    if len(tenants) == 1:
        return {tenant_id: range(len(headers)) for tenant_id in tenants.values()}
    found: dict[str | None, list[int]] = {}
    for row, header in enumerate(headers):
        found.setdefault(tenants[header], []).append(row)
    return found


def without_tenant(row: int, header: bytes | None, value: bytes | None) -> Rejected:
    """Why a message that names no tenant is rejected."""
    if header is None:
        return Rejected(row, "missing_tenant", _MISSING, value or b"")
    return Rejected(row, "invalid_tenant", _INVALID, value or b"")


def _tenant_id(header: bytes | None) -> str | None:
    return header.decode() if header is not None and _TENANT_ID.fullmatch(header) else None
