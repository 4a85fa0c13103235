"""ErasedUsers in a relational database."""

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from backends.availability import available
from backends.sql_store import SqlStore
from backends.upserts import insert
from data_pipeline.adapters.tables import erased_users, imports
from data_pipeline.adapters.transactions import transaction
from data_pipeline.domain.imports import UNFINISHED, erasure_mark

_INSERT: Final = insert(erased_users)
_MARK: Final = _INSERT.on_conflict_do_update(
    index_elements=["tenant_id", "user_hash"],
    set_={"erased_at_ms": _INSERT.excluded.erased_at_ms},
)
_OLDEST_UNFINISHED: Final = (
    sa.select(sa.func.min(imports.c.created_at_ms))
    .where(imports.c.status.in_(UNFINISHED))
    .scalar_subquery()
)


class SqlErasedUsers(SqlStore):
    """A row per erased user, by a hash: whoever was erased is not named here again."""

    what = "account of the erased users"
    table = erased_users

    async def mark(self, tenant_id: str, user_ids: Collection[str], erased_at_ms: int) -> None:
        """Insert the marks, or move them to the newer moment."""
        rows = [
            {
                "tenant_id": tenant_id,
                "user_hash": erasure_mark(tenant_id, user_id),
                "erased_at_ms": erased_at_ms,
            }
            for user_id in user_ids
        ]
        if not rows:
            return
        with available(self.what):
            async with transaction(self._engine) as connection:
                await connection.execute(_MARK, rows)

    async def marks(self, tenant_id: str, since_ms: int) -> frozenset[str]:
        """Read the hashes: as a rule there are none or few."""
        query = sa.select(erased_users.c.user_hash).where(
            erased_users.c.tenant_id == tenant_id, erased_users.c.erased_at_ms >= since_ms
        )
        with available(self.what):
            async with transaction(self._engine) as connection:
                return frozenset((await connection.execute(query)).scalars())

    async def purge(self, before_ms: int) -> int:
        """Delete the marks that no unfinished import needs."""
        kept_from = sa.func.coalesce(_OLDEST_UNFINISHED, before_ms)
        old = (erased_users.c.erased_at_ms < before_ms) & (erased_users.c.erased_at_ms < kept_from)
        with available(self.what):
            async with transaction(self._engine) as connection:
                return (await connection.execute(erased_users.delete().where(old))).rowcount
