"""Every Quarantine, its QuarantineExits and its QuarantinedPeople."""

import json
from contextlib import suppress
from typing import Any

import anyio
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backends.ports import PortUnavailable
from contracts.imports import DataType
from data_pipeline.adapters.quarantine import SqlQuarantine, SqlQuarantineExits
from data_pipeline.adapters.quarantined_people import SqlQuarantinedPeople
from data_pipeline.adapters.tables import metadata
from data_pipeline.adapters.transactions import shared_transaction
from data_pipeline.domain.accounting import (
    MAX_RAW_BYTES,
    Departure,
    Quarantine,
    QuarantinedPeople,
    QuarantineEntry,
    QuarantineExits,
    QuarantineQuery,
)
from data_pipeline.domain.deliveries import Delivery, Rejected, Source

pytestmark = pytest.mark.anyio

NOW_MS = 1_750_000_000_000
HTTP = Delivery("acme", DataType.EVENTS, Source.HTTP)
FORM = '{"format": "csv"}'
FILE = Delivery("acme", DataType.ITEMS, Source.FILE, "import-1", 100, FORM)


@pytest.fixture
def quarantine(engine: AsyncEngine) -> Quarantine:
    return SqlQuarantine(engine)


@pytest.fixture
def exits(engine: AsyncEngine) -> QuarantineExits:
    return SqlQuarantineExits(engine)


@pytest.fixture
def people(engine: AsyncEngine) -> QuarantinedPeople:
    return SqlQuarantinedPeople(engine)


def fault(index: int = 0, code: str = "future_time", raw: bytes = b"{}") -> Rejected:
    return Rejected(index, code, f"Because of {code}.", raw)


async def sequences(quarantine: Quarantine, tenant_id: str = "acme", **query: Any) -> list[int]:
    page = await quarantine.page(tenant_id, QuarantineQuery(100, **query))
    return [entry.sequence for entry in page]


async def test_entries_come_to_be_seen_in_the_order_of_their_sequences(
    engine: AsyncEngine, quarantine: Quarantine
) -> None:
    begun, done = anyio.Event(), anyio.Event()
    seen: list[int] = []

    async def add_another() -> None:
        await begun.wait()
        await quarantine.add(HTTP, [fault()], NOW_MS)
        seen.extend(await sequences(quarantine, after=0))
        done.set()

    async with anyio.create_task_group() as group:
        # Started first, so that it has a transaction of its own.
        group.start_soon(add_another)
        async with shared_transaction(engine):
            await quarantine.add(HTTP, [fault()], NOW_MS)
            begun.set()
            with anyio.move_on_after(0.2):
                await done.wait()
    assert len(seen) == 2


async def test_an_entry_comes_back_as_it_went_in(quarantine: Quarantine) -> None:
    raw = b'{"event_id": "\xff\x00'
    await quarantine.add(FILE, [fault(7, raw=raw)], NOW_MS)
    (entry,) = await quarantine.page("acme", QuarantineQuery(10))
    assert entry == QuarantineEntry(
        entry.sequence, "acme", DataType.ITEMS, Source.FILE, "import-1", 107,
        "future_time", "Because of future_time.", raw, NOW_MS, False, FORM,
    )  # fmt: skip
    assert isinstance(entry.source, Source)
    assert await quarantine.find("acme", [entry.sequence, 99]) == [entry]


async def test_of_a_huge_record_the_beginning_is_kept(quarantine: Quarantine) -> None:
    whole, more = b"x" * MAX_RAW_BYTES, b"x" * (MAX_RAW_BYTES + 1)
    await quarantine.add(HTTP, [fault(raw=whole), fault(1, raw=more)], NOW_MS)
    cut, kept = await quarantine.page("acme", QuarantineQuery(10))
    assert (cut.raw, cut.cut) == (whole, True)
    assert (kept.raw, kept.cut) == (whole, False)


async def test_a_tenants_entries_are_hidden_from_others(
    quarantine: Quarantine, exits: QuarantineExits, people: QuarantinedPeople
) -> None:
    await quarantine.add(HTTP, [fault(raw=b"u1")], NOW_MS)
    (sequence,) = await sequences(quarantine)
    assert await sequences(quarantine, "other") == []
    assert await quarantine.find("other", [sequence]) == []
    assert await exits.remove("other", [sequence], Departure.DISCARDED) == 0
    assert await exits.renew("other", {sequence: ("c", "r")}) == 0
    assert await people.erase("other", ["u1"]) == 0
    assert await quarantine.sizes() == {"acme": 1}
    assert await quarantine.sizes("other") == {}


async def test_pages_go_from_the_newest_on_by_kind(quarantine: Quarantine) -> None:
    await quarantine.add(HTTP, [fault(0), fault(1, "missing_field")], NOW_MS)
    await quarantine.add(FILE, [fault(2), fault(3, "missing_field")], NOW_MS)
    fourth, third, second, first = await sequences(quarantine)
    assert first < second < third < fourth
    assert await sequences(quarantine, before=third) == [second, first]
    assert await sequences(quarantine, code="missing_field") == [fourth, second]
    assert await sequences(quarantine, data_type=DataType.EVENTS) == [second, first]
    assert await sequences(quarantine, origin="import-1", code="future_time") == [third]
    page = await quarantine.page("acme", QuarantineQuery(2))
    assert [entry.sequence for entry in page] == [fourth, third]
    assert await sequences(quarantine, after=second) == [third, fourth]


async def test_entries_come_and_go_with_the_shared_transaction(
    engine: AsyncEngine, quarantine: Quarantine, exits: QuarantineExits
) -> None:
    await quarantine.add(HTTP, [fault()], NOW_MS)
    before = await sequences(quarantine)
    with suppress(ZeroDivisionError):
        async with shared_transaction(engine):
            await quarantine.add(HTTP, [fault()], NOW_MS)
            await exits.remove("acme", before, Departure.DISCARDED)
            raise ZeroDivisionError
    assert await sequences(quarantine) == before
    assert await exits.departed("acme") == {}


async def test_a_sequence_is_never_given_twice(
    quarantine: Quarantine, exits: QuarantineExits
) -> None:
    await quarantine.add(HTTP, [fault()], NOW_MS)
    (first,) = await sequences(quarantine)
    await exits.remove("acme", [first], Departure.DISCARDED)
    await quarantine.add(HTTP, [fault()], NOW_MS)
    assert await sequences(quarantine) == [first + 1]


async def test_those_that_leave_are_counted_once_but_not_the_replayed(
    quarantine: Quarantine, exits: QuarantineExits
) -> None:
    await quarantine.add(HTTP, [fault(n) for n in range(4)], NOW_MS)
    assert await exits.remove("acme", [1, 2], Departure.DISCARDED) == 2
    assert await exits.remove("acme", [2], Departure.DISCARDED) == 0
    assert await exits.remove("acme", [3, 99], Departure.REPLAYED) == 1
    assert await exits.departed("acme") == {Departure.DISCARDED: 2}
    assert await sequences(quarantine) == [4]


async def test_an_entry_that_stays_has_its_new_reason(
    quarantine: Quarantine, exits: QuarantineExits
) -> None:
    await quarantine.add(HTTP, [fault(), fault(1)], NOW_MS)
    assert await exits.renew("acme", {1: ("unknown_item", "No such item."), 9: ("c", "r")}) == 1
    other, renewed = await quarantine.page("acme", QuarantineQuery(10))
    assert (renewed.code, renewed.reason) == ("unknown_item", "No such item.")
    assert other.code == "future_time"


async def test_old_entries_expire_the_oldest_first(
    quarantine: Quarantine, exits: QuarantineExits
) -> None:
    for age in range(4):
        await quarantine.add(HTTP, [fault(age)], NOW_MS - age)
    await quarantine.add(Delivery("other", DataType.USERS, Source.KAFKA), [fault()], NOW_MS - 9)
    assert await exits.expire(NOW_MS - 1, 2) == {"other": 1, "acme": 1}
    assert await exits.expire(NOW_MS - 1, 2) == {"acme": 1}
    assert await exits.expire(NOW_MS - 1, 2) == {}
    assert await sequences(quarantine) == [2, 1]
    assert await exits.departed("acme") == {Departure.EXPIRED: 2}
    assert await quarantine.sizes() == {"acme": 2}


@pytest.mark.parametrize(
    ("user_id", "raw"),
    [
        ("u1", b'{"user_id": "u1", "event_id": 5}'),
        ("u1", b'{"user_id":"u1","event'),
        ("u1", b"e1,u1,i1,view,never"),
        ("17", b'{"user_id": 17}'),
        ("j\xfcrgen", b'{"user_id": "j\\u00fcrgen"}'),
        ("j\xfcrgen", b'{"user_id": "j\\u00FCrgen"}'),
        ("j\xfcrgen", "{'user_id': 'j\xfcrgen'}".encode()),
        ('a"b', b'{"user_id": "a\\"b", oh'),
        ("u1", b'{"nested": [{"deep": "u1"}]}'),
    ],
    ids=[
        "json", "broken-json", "csv", "number", "escaped", "escaped-in-capitals", "utf-8",
        "quote", "nested",
    ],
)  # fmt: skip
async def test_what_names_a_user_is_found_and_erased(
    quarantine: Quarantine,
    exits: QuarantineExits,
    people: QuarantinedPeople,
    user_id: str,
    raw: bytes,
) -> None:
    await quarantine.add(HTTP, [fault(raw=raw), fault(1, raw=b'{"user_id": "u2"}')], NOW_MS)
    (found,) = await people.of_users("acme", ["nobody", user_id])
    assert found.raw == raw
    assert await people.erase("acme", ["nobody", user_id]) == 1
    assert await people.of_users("acme", [user_id]) == []
    assert await sequences(quarantine) == [2]
    assert await exits.departed("acme") == {Departure.ERASED: 1}


@pytest.mark.parametrize(
    "raw",
    [
        json.dumps({"user_id": "17", "item_id": "1", "value": 1}).encode(),
        b"e-1,u.1,21,1.5",
        b'{"year": 1, "title": "part 1"}',
    ],
    ids=["other-fields", "longer-ids", "numbers"],
)
async def test_another_users_record_is_left(
    quarantine: Quarantine, people: QuarantinedPeople, raw: bytes
) -> None:
    await quarantine.add(HTTP, [fault(raw=raw)], NOW_MS)
    assert await people.erase("acme", ["1"]) == 0
    assert await sequences(quarantine) == [1]


async def test_a_lost_table_is_said(engine: AsyncEngine, quarantine: Quarantine) -> None:
    await quarantine.ping()
    await engine.dispose()
    async with engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)
    with pytest.raises(PortUnavailable):
        await quarantine.ping()
