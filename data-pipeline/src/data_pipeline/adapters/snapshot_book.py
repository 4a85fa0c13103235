"""SnapshotBook over SQL."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.availability import available
from backends.sql_store import SqlStore
from backends.turns import take_turn
from data_pipeline.adapters.loose_objects import loosen
from data_pipeline.adapters.tables import loose_objects, snapshots
from data_pipeline.domain.snapshot_ports import MadeSnapshot


class SqlSnapshotBook(SqlStore):
    """Snapshots in the table `snapshots`; the objects of one in the making are loose ones."""

    what = "book of snapshots"
    table = snapshots

    async def begin(self, tenant_id: str, snapshot_id: str, keys: Sequence[str]) -> None:
        """Note objects as loose, unless the snapshot is there."""
        with available(self.what):
            async with self._engine.begin() as connection:
                await take_turn(connection, snapshots.name)
                if await _is_there(connection, tenant_id, snapshot_id):
                    return
                # What another attempt left becomes as young as this one.
                await _bind(connection, keys)
                await loosen(connection, tenant_id, keys)

    async def made(
        self,
        tenant_id: str,
        snapshot_id: str,
        keys: Sequence[str],
        events_stored: int,
        made_at_ms: int,
    ) -> bool:
        """Bind the objects, and put the snapshot at the end of the order."""
        row = {
            "tenant_id": tenant_id,
            "snapshot_id": snapshot_id,
            "events_stored": events_stored,
            "made_at_ms": made_at_ms,
            "removed": False,
        }
        with available(self.what):
            async with self._engine.begin() as connection:
                await take_turn(connection, snapshots.name)
                all_bound = await _bind(connection, keys) == len(keys)
                if not (all_bound or await _is_there(connection, tenant_id, snapshot_id)):
                    return False
                await connection.execute(snapshots.delete().where(*_is(tenant_id, snapshot_id)))
                await connection.execute(snapshots.insert(), row)
        return True

    async def page(self, tenant_id: str, before: int | None, limit: int) -> Sequence[MadeSnapshot]:
        """Snapshots that were not removed, last made first."""
        query = (
            sa.select(snapshots.c.sequence, snapshots.c.snapshot_id)
            .where(snapshots.c.tenant_id == tenant_id, sa.not_(snapshots.c.removed))
            .order_by(snapshots.c.sequence.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(snapshots.c.sequence < before)
        with available(self.what):
            async with self._reading.begin() as connection:
                return [MadeSnapshot._make(row) for row in await connection.execute(query)]

    async def remove(self, tenant_id: str, snapshot_ids: Sequence[str]) -> None:
        """Mark snapshots; their rows stay, for what was counted up to them."""
        these = snapshots.c.snapshot_id.in_(snapshot_ids)
        statement = snapshots.update().where(snapshots.c.tenant_id == tenant_id, these)
        with available(self.what):
            async with self._engine.begin() as connection:
                await connection.execute(statement.values(removed=True))


def _is(tenant_id: str, snapshot_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return snapshots.c.tenant_id == tenant_id, snapshots.c.snapshot_id == snapshot_id


async def _is_there(connection: AsyncConnection, tenant_id: str, snapshot_id: str) -> bool:
    this = (*_is(tenant_id, snapshot_id), sa.not_(snapshots.c.removed))
    return (await connection.execute(sa.select(sa.exists().where(*this)))).scalar_one()


async def _bind(connection: AsyncConnection, keys: Sequence[str]) -> int:
    these = loose_objects.delete().where(loose_objects.c.object_key.in_(keys))
    return (await connection.execute(these)).rowcount
