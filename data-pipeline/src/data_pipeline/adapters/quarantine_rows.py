"""Entries of the quarantine as rows of its table, and the account of those that left."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backends.upserts import insert
from contracts.imports import DataType
from data_pipeline.adapters.tables import quarantine, quarantine_departures
from data_pipeline.domain.accounting import (
    MAX_RAW_BYTES,
    Departure,
    QuarantineEntry,
)
from data_pipeline.domain.deliveries import Delivery, Rejected, Source

IN_A_STATEMENT: Final = 10_000
"""How many sequences a statement names: every engine takes as many parameters."""

ENTRY: Final = tuple(quarantine.c[name] for name in QuarantineEntry._fields)

_DEPARTED: Final = insert(quarantine_departures)
_ADD_DEPARTED: Final = _DEPARTED.on_conflict_do_update(
    index_elements=["tenant_id", "why"],
    set_={"records": quarantine_departures.c.records + _DEPARTED.excluded.records},
)


def entry_row(delivery: Delivery, rejected: Rejected, received_at_ms: int) -> dict[str, Any]:
    """The row of a rejected record."""
    return {
        "tenant_id": delivery.tenant_id,
        "data_type": delivery.data_type.value,
        "source": delivery.source.value,
        "origin": delivery.origin,
        "place": delivery.first + rejected.index,
        "code": rejected.code,
        "reason": rejected.reason,
        "received_at_ms": received_at_ms,
        "form": delivery.form,
        "cut": not 0 < len(rejected.raw) <= MAX_RAW_BYTES,
        "raw": rejected.raw[:MAX_RAW_BYTES],
    }


def entry_of(row: Sequence[Any]) -> QuarantineEntry:
    """The entry of a row of the columns `ENTRY`."""
    entry = QuarantineEntry(*row)
    return entry._replace(data_type=DataType(entry.data_type), source=Source(entry.source))


async def remove_entries(
    connection: AsyncConnection, tenant_id: str, sequences: Sequence[int]
) -> int:
    """Delete entries; how many there were."""
    removed = 0
    for first in range(0, len(sequences), IN_A_STATEMENT):
        some = sequences[first : first + IN_A_STATEMENT]
        these = (quarantine.c.tenant_id == tenant_id) & quarantine.c.sequence.in_(some)
        removed += (await connection.execute(quarantine.delete().where(these))).rowcount
    return removed


async def count_departed(
    connection: AsyncConnection, why: Departure, records: Mapping[str, int]
) -> None:
    """Add to the account of those that left, tenant by tenant; replayed ones are in the ledger."""
    rows = [
        {"tenant_id": tenant_id, "why": why.value, "records": count}
        for tenant_id, count in records.items()
        if count
    ]
    if rows and why is not Departure.REPLAYED:
        await connection.execute(_ADD_DEPARTED, rows)
