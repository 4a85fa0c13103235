"""Every Ledger, beside the log and the quarantine that it is compared with."""

from contextlib import suppress
from datetime import date

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.imports import DataType
from data_pipeline.adapters.ledger import SqlLedger
from data_pipeline.adapters.quarantine import SqlQuarantine, SqlQuarantineExits
from data_pipeline.adapters.tables import event_chunks, event_log_removals, ledger
from data_pipeline.adapters.transactions import shared_transaction
from data_pipeline.domain.accounting import Account, Departure, Imbalance, Ledger
from data_pipeline.domain.deliveries import Counts, Delivery, Rejected, Source

pytestmark = pytest.mark.anyio

DAY_MS = 86_400_000
NOON_MS = 20_000 * DAY_MS + DAY_MS // 2
DAY = date(2024, 10, 4)


@pytest.fixture
def books(engine: AsyncEngine) -> Ledger:
    return SqlLedger(engine)


@pytest.fixture
def quarantine(engine: AsyncEngine) -> SqlQuarantine:
    return SqlQuarantine(engine)


@pytest.fixture
def exits(engine: AsyncEngine) -> SqlQuarantineExits:
    return SqlQuarantineExits(engine)


def delivery(
    tenant_id: str = "acme",
    data_type: DataType = DataType.EVENTS,
    source: Source = Source.HTTP,
) -> Delivery:
    return Delivery(tenant_id, data_type, source)


def faults(count: int) -> list[Rejected]:
    return [Rejected(index, "code", "reason", b"raw") for index in range(count)]


async def put_chunk(engine: AsyncEngine, rows: int, sequence: int, tenant_id: str = "acme"):
    chunk = {
        "last_sequence": sequence,
        "first_sequence": sequence - rows + 1,
        "tenant_id": tenant_id,
        "lane": "live",
        "day": DAY.isoformat(),
        "rows": rows,
        "oldest_ms": 0,
        "newest_ms": 0,
        "size": 0,
        "content": b"",
    }
    async with engine.begin() as connection:
        await connection.execute(event_chunks.insert(), chunk)


async def test_an_account_adds_up_what_arrived_on_its_day(books: Ledger) -> None:
    await books.record(delivery(), NOON_MS, Counts(10, 7, 2, 1))
    await books.record(delivery(), NOON_MS + 1, Counts(5, 5, 0, 0))
    await books.record(delivery(), NOON_MS + DAY_MS // 2, Counts(1, 1, 0, 0))
    assert await books.accounts("acme", DAY, DAY) == [
        Account("acme", Source.HTTP, DataType.EVENTS, DAY, Counts(15, 12, 2, 1))
    ]


async def test_accounts_are_apart_by_tenant_source_type_and_day(books: Ledger) -> None:
    one = Counts(1, 1, 0, 0)
    await books.record(delivery(), NOON_MS + DAY_MS, one)
    await books.record(delivery(source=Source.KAFKA), NOON_MS, one)
    await books.record(delivery(data_type=DataType.USERS), NOON_MS, one)
    await books.record(delivery("other"), NOON_MS, one)
    accounts = await books.accounts("acme", DAY, date(2024, 10, 5))
    assert [(a.day.day, a.source, a.data_type) for a in accounts] == [
        (4, Source.HTTP, DataType.USERS),
        (4, Source.KAFKA, DataType.EVENTS),
        (5, Source.HTTP, DataType.EVENTS),
    ]
    assert {a.counts for a in accounts} == {one}
    assert await books.accounts("acme", date(2024, 10, 5), date(2024, 10, 5)) == [accounts[2]]


async def test_a_count_that_is_taken_back_with_its_transaction_was_never_there(
    engine: AsyncEngine, books: Ledger
) -> None:
    with suppress(ZeroDivisionError):
        async with shared_transaction(engine):
            await books.record(delivery(), NOON_MS, Counts(1, 1, 0, 0))
            raise ZeroDivisionError
    assert await books.accounts("acme", DAY, DAY) == []


async def test_books_that_agree_have_no_imbalance(
    engine: AsyncEngine, books: Ledger, quarantine: SqlQuarantine, exits: SqlQuarantineExits
) -> None:
    assert await books.imbalances() == []
    await books.record(delivery(), NOON_MS, Counts(10, 6, 1, 3))
    await quarantine.add(delivery(), faults(3), NOON_MS)
    await put_chunk(engine, 4, 4)
    async with engine.begin() as connection:
        removed = {"tenant_id": "acme", "why": "erasure", "rows": 2}
        await connection.execute(event_log_removals.insert(), removed)
    first, second, third = [e.sequence for e in await quarantine.find("acme", [1, 2, 3])]
    await exits.remove("acme", [first], Departure.DISCARDED)
    async with shared_transaction(engine):
        await exits.remove("acme", [second], Departure.REPLAYED)
        await books.record(delivery(), NOON_MS, Counts(0, 0, 1, -1))
    assert await books.imbalances() == []
    assert (await books.accounts("acme", DAY, DAY))[0].counts == Counts(10, 6, 2, 2)
    assert [e.sequence for e in await quarantine.find("acme", [1, 2, 3])] == [third]


async def test_an_account_that_does_not_add_up_is_named(books: Ledger) -> None:
    await books.record(delivery(data_type=DataType.ITEMS), NOON_MS, Counts(10, 6, 1, 0))
    assert await books.imbalances() == [
        Imbalance("acme", "account of 2024-10-04 http items", 10, 7)
    ]


async def test_events_that_are_not_in_the_log_are_missed(
    engine: AsyncEngine, books: Ledger
) -> None:
    await books.record(delivery(), NOON_MS, Counts(5, 5, 0, 0))
    await books.record(delivery("other"), NOON_MS, Counts(2, 2, 0, 0))
    await put_chunk(engine, 4, 4)
    await put_chunk(engine, 2, 6, "other")
    assert await books.imbalances() == [Imbalance("acme", "events in the log", 5, 4)]
    assert await books.imbalances("acme") == [Imbalance("acme", "events in the log", 5, 4)]
    assert await books.imbalances("other") == []


async def test_events_that_nobody_sent_are_found(engine: AsyncEngine, books: Ledger) -> None:
    await put_chunk(engine, 3, 3)
    assert await books.imbalances() == [Imbalance("acme", "events in the log", 0, 3)]


async def test_items_and_users_are_not_looked_for_in_the_log(books: Ledger) -> None:
    await books.record(delivery(data_type=DataType.ITEMS), NOON_MS, Counts(5, 5, 0, 0))
    assert await books.imbalances() == []


async def test_an_entry_that_left_without_an_account_is_missed(
    books: Ledger, quarantine: SqlQuarantine, exits: SqlQuarantineExits
) -> None:
    await books.record(delivery(), NOON_MS, Counts(2, 0, 0, 2))
    await quarantine.add(delivery(), faults(2), NOON_MS)
    await exits.remove("acme", [1], Departure.REPLAYED)
    assert await books.imbalances() == [Imbalance("acme", "records in quarantine", 2, 1)]


async def test_a_ledger_that_was_altered_is_found(engine: AsyncEngine, books: Ledger) -> None:
    await books.record(delivery(), NOON_MS, Counts(3, 0, 3, 0))
    async with engine.begin() as connection:
        await connection.execute(ledger.update().values(duplicates=2))
    assert [(one.expected, one.found) for one in await books.imbalances()] == [(3, 2)]
