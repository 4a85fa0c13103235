"""The account of what was taken out of the event log, for whoever compares the books with it."""

from enum import StrEnum
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backends.upserts import insert
from data_pipeline.adapters.tables import event_log_removals

_INSERT: Final = insert(event_log_removals)
_ADD: Final = _INSERT.on_conflict_do_update(
    index_elements=["tenant_id", "why"],
    set_={"rows": event_log_removals.c.rows + _INSERT.excluded.rows},
)


class Removal(StrEnum):
    """Why events were taken out."""

    REMOVED = "removal"
    ERASED = "erasure"
    EXPIRED = "retention"


async def count_removed(
    connection: AsyncConnection, tenant_id: str, why: Removal, rows: int
) -> None:
    """Add to the account, in the transaction that takes the events out."""
    if rows:
        row = {"tenant_id": tenant_id, "why": why.value, "rows": rows}
        await connection.execute(_ADD, row)
