"""Marks of what the features must correct, written with the change that makes it necessary."""

from collections.abc import Sequence
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from data_pipeline.adapters.tables import corrections, events


class MarkKind(StrEnum):
    """What of the features a mark names."""

    HISTORY = "history"
    ERASURE = "erasure"
    ITEM_COUNT = "item_count"
    WEIGHTS = "weights"


async def mark(
    connection: AsyncConnection, tenant_id: str, kind: MarkKind, subjects: Sequence[str]
) -> None:
    """Mark users by their ids, items by theirs, or weights by the event type."""
    rows = [{"tenant_id": tenant_id, "kind": kind, "subject": subject} for subject in subjects]
    if rows:
        await connection.execute(corrections.insert(), rows)


async def mark_items_of(
    connection: AsyncConnection, tenant_id: str, where: sa.ColumnElement[bool]
) -> None:
    """Mark the items of the events that `where` chooses."""
    await _mark_distinct(connection, tenant_id, MarkKind.ITEM_COUNT, events.c.item_id, where)


async def mark_users_of(
    connection: AsyncConnection, tenant_id: str, where: sa.ColumnElement[bool]
) -> None:
    """Mark the users of the events that `where` chooses."""
    await _mark_distinct(connection, tenant_id, MarkKind.HISTORY, events.c.user_id, where)


async def last_mark(connection: AsyncConnection) -> int:
    """The sequence of the newest mark, which is one of this transaction."""
    query = sa.select(sa.func.max(corrections.c.sequence))
    return (await connection.execute(query)).scalar_one() or 0


async def _mark_distinct(
    connection: AsyncConnection,
    tenant_id: str,
    kind: MarkKind,
    subject: sa.ColumnElement[str],
    where: sa.ColumnElement[bool],
) -> None:
    chosen = sa.select(sa.literal(tenant_id), sa.literal(kind.value), subject)
    chosen = chosen.where(events.c.tenant_id == tenant_id, where).distinct()
    await connection.execute(
        corrections.insert().from_select(["tenant_id", "kind", "subject"], chosen)
    )
