"""The validation rules of tenants, version by version."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from contracts.validation_rules import RuleSet


class VersionedRules(NamedTuple):
    """A tenant's rules as they were set; the time is Unix milliseconds."""

    version: int
    rules: RuleSet
    created_at_ms: int


STANDARD_RULES: Final = VersionedRules(0, RuleSet(), 0)
"""The rules of a tenant that has set none."""


class ValidationRuleStore(Protocol):
    """Keeps every version of the tenants' rules. All raise `PortUnavailable`."""

    async def current(self, tenant_id: str) -> VersionedRules:
        """The newest version; `STANDARD_RULES` where there is none."""
        ...

    async def add(self, tenant_id: str, rules: RuleSet, created_at_ms: int) -> VersionedRules:
        """Make a new version; rules that are as they are keep theirs."""
        ...

    async def page(
        self, tenant_id: str, before: int | None, limit: int
    ) -> Sequence[VersionedRules]:
        """Versions, newest first; those below `before` where given."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where rules cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...
