"""QuarantinedPeople in a relational database."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.availability import available
from backends.byte_search import holds
from backends.sql_store import SqlStore
from data_pipeline.adapters.quarantine_rows import (
    ENTRY,
    count_departed,
    entry_of,
    remove_entries,
)
from data_pipeline.adapters.tables import quarantine
from data_pipeline.adapters.transactions import transaction
from data_pipeline.domain.accounting import Departure, QuarantineEntry
from data_pipeline.domain.naming import names_user, spellings

_ESCAPE: Final = b"\\u"
"""Begins an escaped character in JSON: an id may be written with any of them."""


class SqlQuarantinedPeople(SqlStore):
    """The rows whose bytes hold an id: the database finds those that may, the domain decides."""

    what = "quarantine"
    table = quarantine

    async def of_users(self, tenant_id: str, user_ids: Sequence[str]) -> Sequence[QuarantineEntry]:
        """Read the rows that name a user."""
        with available(self.what):
            async with self._reading.begin() as connection:
                return await _naming(connection, tenant_id, user_ids)

    async def erase(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """Delete the rows that name a user, in one transaction, and count them."""
        with available(self.what):
            async with transaction(self._engine) as connection:
                entries = await _naming(connection, tenant_id, user_ids)
                sequences = [entry.sequence for entry in entries]
                removed = await remove_entries(connection, tenant_id, sequences)
                await count_departed(connection, Departure.ERASED, {tenant_id: removed})
        return removed


async def _naming(
    connection: AsyncConnection, tenant_id: str, user_ids: Sequence[str]
) -> list[QuarantineEntry]:
    forms = [_ESCAPE, *(form for user_id in user_ids for form in spellings(user_id))]
    may = sa.or_(*(holds(quarantine.c.raw, form) for form in forms))
    query = sa.select(*ENTRY).where(quarantine.c.tenant_id == tenant_id, may)
    found = await connection.stream(query.order_by(quarantine.c.sequence))
    wanted = frozenset(user_ids)
    return [entry_of(row) async for row in found if names_user(row.raw, wanted)]
