"""Whose the messages of a stream are, by their header `tenant_id`."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from data_pipeline.domain.deliveries import Rejected
from data_pipeline.domain.streams import Message

UNKNOWN_TENANT: Final = "unknown"
"""Keeps, in the books and in quarantine, the messages that name no tenant."""

_TENANT_ID: Final = re.compile(rb"[a-z0-9][a-z0-9-]{0,62}")
_MISSING: Final = "The message has no header tenant_id, which must name the tenant."
_INVALID: Final = (
    "The header tenant_id must be a tenant id: up to 63 lower-case letters, digits and hyphens."
)


def by_tenant(messages: Sequence[Message]) -> Mapping[str | None, Sequence[Message]]:
    """The messages of each tenant in their order, under None those that name none."""
    groups: dict[bytes | None, list[Message]] = {}
    for message in messages:
        groups.setdefault(message.tenant_id, []).append(message)
    found: dict[str | None, list[Message]] = {}
    for header, group in groups.items():
        sound = header is not None and _TENANT_ID.fullmatch(header)
        tenant_id = header.decode() if header is not None and sound else None
        found.setdefault(tenant_id, []).extend(group)
    if None in found:
        found[None].sort(key=lambda message: message.offset)
    return found


def without_tenant(messages: Sequence[Message]) -> Sequence[Rejected]:
    """Why messages that name no tenant are rejected."""
    return [
        Rejected(
            index,
            "missing_tenant" if message.tenant_id is None else "invalid_tenant",
            _MISSING if message.tenant_id is None else _INVALID,
            message.value or b"",
        )
        for index, message in enumerate(messages)
    ]
