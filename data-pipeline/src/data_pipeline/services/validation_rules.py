"""The validation rules of tenants."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from contracts.validation_rules import RuleSet, RuleSetVersion
from data_pipeline.domain.moments import moment
from data_pipeline.domain.validation_rules import ValidationRuleStore, VersionedRules

_MAX_TENANTS: Final = 10_000


class ValidationRules:
    """Sets rules, and says which are in force. All raise `PortUnavailable`.

    The rules of a tenant are read once and kept here, since each batch needs them; each change
    is written through. So one process per database writes rules.
    """

    def __init__(self, store: ValidationRuleStore, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._known: OrderedDict[str, VersionedRules] = OrderedDict()
        self._lock = asyncio.Lock()

    async def current(self, tenant_id: str) -> VersionedRules:
        """The rules that the tenant's records are checked by."""
        known = self._known.get(tenant_id)
        if known is not None:
            self._known.move_to_end(tenant_id)
            return known
        async with self._lock:
            return self._keep(tenant_id, await self._store.current(tenant_id))

    async def show(self, tenant_id: str) -> RuleSetVersion:
        """The rules in force."""
        return _shown(await self.current(tenant_id))

    async def versions(
        self, tenant_id: str, before: int | None, limit: int
    ) -> Sequence[RuleSetVersion]:
        """The versions that were set, newest first; those below `before` where given."""
        return [_shown(one) for one in await self._store.page(tenant_id, before, limit)]

    async def replace(self, tenant_id: str, rules: RuleSet) -> RuleSetVersion:
        """Make a new version, which is in force from now on; equal rules keep theirs."""
        async with self._lock:
            # Forgotten first: whether a write that fails was committed is for the store to say.
            self._known.pop(tenant_id, None)
            added = await self._store.add(tenant_id, rules, self._now_ms())
            return _shown(self._keep(tenant_id, added))

    async def reset(self, tenant_id: str) -> None:
        """Go back to the standard, by a new version as well."""
        await self.replace(tenant_id, RuleSet())

    def _keep(self, tenant_id: str, rules: VersionedRules) -> VersionedRules:
        self._known[tenant_id] = rules
        if len(self._known) > _MAX_TENANTS:
            self._known.popitem(last=False)
        return rules


def _shown(stored: VersionedRules) -> RuleSetVersion:
    set_at = moment(stored.created_at_ms) if stored.version else None
    return RuleSetVersion(version=stored.version, created_at=set_at, rules=stored.rules)
