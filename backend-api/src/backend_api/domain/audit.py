"""Who administers: the source of audit entries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from contracts.public.access import AuditEntry


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever does an administrative act: the id of a key, `cli`, or the service's own start."""

    name: str

    def did(
        self,
        action: str,
        target: str,
        at: datetime,
        *,
        tenant_id: str | None,
        **details: Any,
    ) -> AuditEntry:
        """The entry of one act, such as `key.create` on a key's id; details hold no secret."""
        return AuditEntry(
            audit_id=uuid4().hex,
            at=at,
            actor=self.name,
            tenant_id=tenant_id,
            action=action,
            target=target,
            details=details,
        )


CLI: Final = Actor("cli")
ENVIRONMENT: Final = Actor("environment")
"""The start of a service with ADMIN_API_KEY set."""
