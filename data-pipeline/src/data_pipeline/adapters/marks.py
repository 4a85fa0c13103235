"""Marks of what the features must correct, written with the change that makes it necessary."""

from collections.abc import Collection
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.turns import take_turn
from data_pipeline.adapters.tables import corrections


class MarkKind(StrEnum):
    """What of the features a mark names."""

    HISTORY = "history"
    ERASURE = "erasure"
    ITEM_COUNT = "item_count"
    WEIGHTS = "weights"


async def mark(
    connection: AsyncConnection, tenant_id: str, kind: MarkKind, subjects: Collection[str]
) -> None:
    """Mark users by their ids, items by theirs, or weights by the event type."""
    rows = [{"tenant_id": tenant_id, "kind": kind, "subject": subject} for subject in subjects]
    if rows:
        # Whoever follows the marks goes by their sequences: they must be committed in that order.
        await take_turn(connection, corrections.name)
        await connection.execute(corrections.insert(), rows)


async def last_mark(connection: AsyncConnection) -> int:
    """The sequence of the newest mark, which is one of this transaction."""
    query = sa.select(sa.func.max(corrections.c.sequence))
    return (await connection.execute(query)).scalar_one() or 0
