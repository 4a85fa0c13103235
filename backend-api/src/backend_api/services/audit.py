"""The audit log: what was administered, by whom and when."""

from typing import Any

from backend_api.domain.access import Clock, utc_now
from backend_api.domain.access_ports import AuditLog
from backend_api.domain.audit import Actor
from backend_api.domain.cursors import from_cursor, to_cursor
from contracts.pages import Page
from contracts.public.access import AuditEntry


class AuditService:
    """Shows the log, and adds acts whose effect lies in another service."""

    def __init__(self, log: AuditLog, clock: Clock = utc_now) -> None:
        self._log = log
        self._clock = clock

    async def record(
        self, actor: Actor, action: str, target: str, *, tenant_id: str, **details: Any
    ) -> None:
        """Keep an act that was done elsewhere; details hold no secret and no personal data."""
        await self._log.add(
            actor.did(action, target, self._clock(), tenant_id=tenant_id, **details)
        )

    async def page(
        self, tenant_id: str | None, limit: int, cursor: str | None = None
    ) -> Page[AuditEntry]:
        """Entries, newest first; those of all tenants for None. Raises `InvalidCursor`."""
        before = None
        if cursor is not None:
            milliseconds, audit_id = from_cursor(cursor, int, str)
            before = (int(milliseconds), str(audit_id))
        found = await self._log.page(tenant_id, limit + 1, before)
        return Page(
            data=list(found[:limit]),
            next_cursor=_cursor_after(found[limit - 1]) if len(found) > limit else None,
        )


def _cursor_after(entry: AuditEntry) -> str:
    return to_cursor(round(entry.at.timestamp() * 1000), entry.audit_id)
