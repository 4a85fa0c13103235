"""Corrections in a relational database, of the chunks of the event log."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.availability import available
from backends.ports import (
    Correction,
    EventWeights,
    ItemCountCorrection,
    ObjectStore,
    UserCorrection,
)
from backends.sql_store import SqlStore
from contracts.events import DEFAULT_WEIGHTS
from data_pipeline.adapters.chunk_reader import ChunkReader
from data_pipeline.adapters.counted_events import item_counts, newest_events
from data_pipeline.adapters.marks import MarkKind
from data_pipeline.adapters.tables import corrections, users
from data_pipeline.adapters.transactions import transaction
from data_pipeline.adapters.user_names import IDS_AT_ONCE, names
from data_pipeline.adapters.weights import all_weights, counting_types
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.records import CorrectionPage


class SqlCorrections(SqlStore):
    """A row per mark; `history_length` is how many events a history has at most."""

    what = "event log"
    table = corrections

    def __init__(self, engine: AsyncEngine, objects: ObjectStore, history_length: int) -> None:
        super().__init__(engine)
        self._chunks = ChunkReader(engine, objects)
        self._history_length = history_length

    async def due(self, after: int, upto: Mapping[Lane, int], limit: int) -> CorrectionPage:
        """What the next marks ask for, read from the log as it is now."""
        query = corrections.select().where(corrections.c.sequence > after)
        query = query.order_by(corrections.c.sequence).limit(limit)
        found: list[Correction] = []
        with available(self.what):
            async with self._reading.begin() as connection:
                marks = (await connection.execute(query)).all()
                by_tenant: defaultdict[str, defaultdict[str, set[str]]]
                by_tenant = defaultdict(lambda: defaultdict(set))
                for mark in marks:
                    by_tenant[mark.tenant_id][mark.kind].add(mark.subject)
                for tenant_id, subjects in by_tenant.items():
                    found += await self._asked(connection, tenant_id, subjects, upto)
        return CorrectionPage(found, marks[-1].sequence if marks else after)

    async def remove(self, sequence: int) -> None:
        """Forget the marks up to `sequence`."""
        with available(self.what):
            async with transaction(self._engine) as connection:
                await connection.execute(
                    corrections.delete().where(corrections.c.sequence <= sequence)
                )

    async def weights(self, tenant_ids: Collection[str] | None = None) -> Sequence[EventWeights]:
        """The weights of all tenants that changed some, or of these."""
        with available(self.what):
            async with self._reading.begin() as connection:
                return await all_weights(connection, tenant_ids)

    async def _asked(
        self,
        connection: AsyncConnection,
        tenant_id: str,
        subjects: Mapping[str, set[str]],
        upto: Mapping[Lane, int],
    ) -> list[Correction]:
        counting = await counting_types(connection, tenant_id)
        erased = subjects.get(MarkKind.ERASURE, set())
        user_ids = erased | subjects.get(MarkKind.HISTORY, set())
        found: list[Correction] = []
        if user_ids:
            named = await names(connection, tenant_id, user_ids)
            histories = await newest_events(
                self._chunks, tenant_id, named, counting, upto, self._history_length
            )
            profiles = await _profiles(connection, tenant_id, user_ids)
            found += [
                UserCorrection(
                    tenant_id,
                    user_id,
                    histories.get(user_id, []),
                    profiles.get(user_id, {}),
                    erased=user_id in erased,
                )
                for user_id in sorted(user_ids)
            ]
        item_ids = subjects.get(MarkKind.ITEM_COUNT)
        if item_ids:
            counts = await item_counts(self._chunks, tenant_id, item_ids, counting, upto)
            found += [
                ItemCountCorrection(tenant_id, item_id, sum(days.values()), days)
                for item_id, days in counts.items()
            ]
        if MarkKind.WEIGHTS in subjects:
            weights = await all_weights(connection, [tenant_id])
            found += weights or [EventWeights(tenant_id, dict(DEFAULT_WEIGHTS))]
        return found


async def _profiles(
    connection: AsyncConnection, tenant_id: str, user_ids: Collection[str]
) -> Mapping[str, dict[str, bool | int | float | str | list[str]]]:
    assert len(user_ids) <= IDS_AT_ONCE  # noqa: S101 - a page of corrections is smaller
    query = sa.select(users.c.user_id, users.c.attributes)
    query = query.where(users.c.tenant_id == tenant_id, users.c.user_id.in_(user_ids))
    return {row.user_id: row.attributes for row in await connection.execute(query)}
