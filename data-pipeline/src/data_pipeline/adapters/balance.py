"""The statement that compares the books with what is stored.

Every side is counted by itself: what the ledger says by sums over the ledger, what is in the log
by the rows of its chunks, what is in quarantine by its entries.
"""

from typing import Any, Final

import sqlalchemy as sa

from contracts.imports import DataType
from data_pipeline.adapters.tables import (
    event_chunks,
    event_log_removals,
    ledger,
    quarantine,
    quarantine_departures,
)

EVENTS: Final = "events in the log"
ENTRIES: Final = "records in quarantine"

_ADDED_UP: Final = ledger.c.loaded + ledger.c.duplicates + ledger.c.quarantined
_Side = sa.Select[str, str, int, int]


def imbalances(tenant_id: str | None) -> _Side:
    """Tenant, what does not agree, what the books expect, what was found: of a tenant or of all."""
    books, events = _expected, sa.func.sum(ledger.c.loaded)
    sides = [
        books(EVENTS, events).where(ledger.c.data_type == DataType.EVENTS.value),
        _found(EVENTS, event_chunks, sa.func.sum(event_chunks.c.rows)),
        _found(EVENTS, event_log_removals, sa.func.sum(event_log_removals.c.rows)),
        books(ENTRIES, sa.func.sum(ledger.c.quarantined)),
        _found(ENTRIES, quarantine, sa.func.count()),
        _found(ENTRIES, quarantine_departures, sa.func.sum(quarantine_departures.c.records)),
        _accounts(),
    ]
    if tenant_id is not None:
        sides = [side.where(side.selected_columns[0] == tenant_id) for side in sides]
    both = sa.union_all(*sides).subquery()
    expected, found = (_whole(sa.func.sum(both.c[name])) for name in ("expected", "found"))
    return (
        sa.select(both.c.tenant_id, both.c.what, expected, found)
        .group_by(both.c.tenant_id, both.c.what)
        .having(expected != found)
        .order_by(both.c.tenant_id, both.c.what)
    )


def _expected(what: str, count: sa.ColumnElement[Any]) -> _Side:
    """What the ledger says, tenant by tenant."""
    return _side(what, ledger, count, sa.literal(0))


def _found(what: str, table: sa.Table, count: sa.ColumnElement[Any]) -> _Side:
    """What is there, tenant by tenant."""
    return _side(what, table, sa.literal(0), count)


def _side(
    what: str, table: sa.Table, expected: sa.ColumnElement[Any], found: sa.ColumnElement[Any]
) -> _Side:
    tenant_id: sa.Column[str] = table.c.tenant_id
    columns = (sa.literal(what).label("what"), _whole(expected).label("expected"))
    return sa.select(tenant_id, *columns, _whole(found).label("found")).group_by(tenant_id)


def _accounts() -> _Side:
    """The accounts that do not add up, one by one."""
    words = (ledger.c.day, ledger.c.source, ledger.c.data_type)
    what: sa.ColumnElement[str] = sa.literal("account of")
    for word in words:
        what = what + " " + word
    return sa.select(ledger.c.tenant_id, what, ledger.c.received, _ADDED_UP).where(
        ledger.c.received != _ADDED_UP
    )


def _whole(count: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    # Sums of large integers are decimals on other engines.
    return sa.cast(count, sa.BigInteger)
