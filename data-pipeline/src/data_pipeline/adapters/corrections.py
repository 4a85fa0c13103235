"""Corrections in a relational database."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.availability import available
from backends.ports import (
    Correction,
    EventWeights,
    HistoryCorrection,
    ItemCountCorrection,
    UserEvent,
)
from backends.sql_store import SqlStore
from contracts.events import DEFAULT_WEIGHTS
from data_pipeline.adapters.marks import MarkKind
from data_pipeline.adapters.tables import corrections, event_types, events
from data_pipeline.adapters.transactions import transaction
from data_pipeline.adapters.weights import counts, weighted_events
from data_pipeline.domain.records import CorrectionPage

_RANKED = (
    sa.select(
        events.c.user_id,
        events.c.item_id,
        events.c.event_type,
        events.c.timestamp_ms,
        events.c.value,
        events.c.sequence,
        sa.func.row_number()
        .over(
            partition_by=events.c.user_id,
            order_by=(events.c.timestamp_ms.desc(), events.c.sequence.desc()),
        )
        .label("age"),
    )
    .select_from(weighted_events)
    .where(counts)
)


class SqlCorrections(SqlStore):
    """A row per mark; `history_length` is how many events a history has at most."""

    what = "event log"
    table = corrections

    def __init__(self, engine: AsyncEngine, history_length: int) -> None:
        super().__init__(engine)
        self._history_length = history_length

    async def due(self, after: int, events: int, limit: int) -> CorrectionPage:
        """What the next marks ask for, read from the log as it is now."""
        query = corrections.select().where(corrections.c.sequence > after)
        query = query.order_by(corrections.c.sequence).limit(limit)
        found: list[Correction] = []
        with available(self.what):
            async with self._reading.begin() as connection:
                marks = (await connection.execute(query)).all()
                by_kind: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
                for mark in marks:
                    by_kind[mark.tenant_id, mark.kind][mark.subject] = None
                for (tenant_id, kind), subjects in by_kind.items():
                    if kind in (MarkKind.HISTORY, MarkKind.ERASURE):
                        histories = await self._histories(connection, tenant_id, subjects, events)
                        found += [
                            replace(one, erased=kind == MarkKind.ERASURE) for one in histories
                        ]
                    elif kind == MarkKind.ITEM_COUNT:
                        found += await _item_counts(connection, tenant_id, subjects, events)
                    else:
                        found += await _weights(connection, tenant_id)
        return CorrectionPage(found, marks[-1].sequence if marks else after)

    async def remove(self, sequence: int) -> None:
        """Forget the marks up to `sequence`."""
        with available(self.what):
            async with transaction(self._engine) as connection:
                await connection.execute(
                    corrections.delete().where(corrections.c.sequence <= sequence)
                )

    async def weights(self) -> Sequence[EventWeights]:
        """The weights of all tenants that changed some."""
        with available(self.what):
            async with self._reading.begin() as connection:
                return await _weights(connection)

    async def _histories(
        self, connection: AsyncConnection, tenant_id: str, user_ids: Iterable[str], upto: int
    ) -> list[HistoryCorrection]:
        histories: dict[str, list[UserEvent]] = {user_id: [] for user_id in user_ids}
        ranked = _RANKED.where(
            events.c.tenant_id == tenant_id,
            events.c.user_id.in_(histories),
            events.c.sequence <= upto,
        ).subquery()
        query = sa.select(ranked).where(ranked.c.age <= self._history_length)
        query = query.order_by(ranked.c.user_id, ranked.c.age.desc())
        for row in await connection.execute(query):
            event = UserEvent(row.user_id, row.item_id, row.event_type, row.timestamp_ms, row.value)
            histories[row.user_id].append(event)
        return [HistoryCorrection(tenant_id, *history) for history in histories.items()]


async def _item_counts(
    connection: AsyncConnection, tenant_id: str, item_ids: Iterable[str], upto: int
) -> list[ItemCountCorrection]:
    found = dict.fromkeys(item_ids, 0)
    query = sa.select(events.c.item_id, sa.func.count()).select_from(weighted_events)
    query = query.where(
        events.c.tenant_id == tenant_id,
        events.c.item_id.in_(found),
        events.c.sequence <= upto,
        counts,
    ).group_by(events.c.item_id)
    for item_id, count in await connection.execute(query):
        found[item_id] = count
    return [ItemCountCorrection(tenant_id, *counted) for counted in found.items()]


async def _weights(connection: AsyncConnection, tenant_id: str | None = None) -> list[EventWeights]:
    found: dict[str, dict[str, float]] = {}
    if tenant_id is not None:
        found[tenant_id] = dict(DEFAULT_WEIGHTS)
    query = event_types.select()
    if tenant_id is not None:
        query = query.where(event_types.c.tenant_id == tenant_id)
    for row in await connection.execute(query):
        found.setdefault(row.tenant_id, dict(DEFAULT_WEIGHTS))[row.event_type] = row.weight
    return [EventWeights(*weights) for weights in found.items()]
