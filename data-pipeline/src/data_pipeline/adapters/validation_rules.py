"""ValidationRuleStore in a relational database."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.availability import available
from backends.sql_store import SqlStore
from contracts.validation_rules import RuleSet
from data_pipeline.adapters.store import take_sequences
from data_pipeline.adapters.tables import validation_rules
from data_pipeline.adapters.transactions import transaction
from data_pipeline.domain.validation_rules import STANDARD_RULES, VersionedRules

_COUNTER = "validation_rules"


class SqlValidationRuleStore(SqlStore):
    """A row for each version of each tenant, which never changes."""

    what = "validation rules"
    table = validation_rules

    async def current(self, tenant_id: str) -> VersionedRules:
        """The newest version."""
        with available(self.what):
            async with self._reading.begin() as connection:
                return await _newest(connection, tenant_id)

    async def add(self, tenant_id: str, rules: RuleSet, created_at_ms: int) -> VersionedRules:
        """Make a new version, where the rules differ from those in force."""
        with available(self.what):
            async with transaction(self._engine) as connection:
                # First, since it takes the lock under which versions are counted.
                await take_sequences(connection, _COUNTER, 1)
                newest = await _newest(connection, tenant_id)
                if rules == newest.rules:
                    return newest
                added = VersionedRules(newest.version + 1, rules, created_at_ms)
                row = {
                    "tenant_id": tenant_id,
                    "version": added.version,
                    "rules": rules.model_dump_json(),
                    "created_at_ms": created_at_ms,
                }
                await connection.execute(validation_rules.insert(), row)
        return added

    async def page(
        self, tenant_id: str, before: int | None, limit: int
    ) -> Sequence[VersionedRules]:
        """Versions, newest first."""
        query = _of(tenant_id).limit(limit)
        if before is not None:
            query = query.where(validation_rules.c.version < before)
        with available(self.what):
            async with self._reading.begin() as connection:
                return [_versioned(row) for row in await connection.execute(query)]


def _of(tenant_id: str) -> sa.Select[Any]:
    query = validation_rules.select().where(validation_rules.c.tenant_id == tenant_id)
    return query.order_by(validation_rules.c.version.desc())


async def _newest(connection: AsyncConnection, tenant_id: str) -> VersionedRules:
    row = (await connection.execute(_of(tenant_id).limit(1))).one_or_none()
    return STANDARD_RULES if row is None else _versioned(row)


def _versioned(row: sa.Row[Any]) -> VersionedRules:
    return VersionedRules(row.version, RuleSet.model_validate_json(row.rules), row.created_at_ms)
