"""Every EventLog keeps each event once, in one order."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import anyio
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backends.database import migrate, open_engine
from backends.ports import UserEvent
from data_pipeline.adapters.event_log import SqlEventLog
from data_pipeline.bootstrap import MIGRATIONS
from data_pipeline.domain.ports import EventLog
from data_pipeline.domain.records import EventRecord, Stored

pytestmark = pytest.mark.anyio

ENGINES: dict[str, Callable[[Path], AsyncEngine]] = {
    "sqlite": lambda folder: open_engine(f"sqlite+aiosqlite:///{folder / 'events.db'}", 5),
}


@pytest.fixture(params=ENGINES)
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[EventLog]:
    engine = ENGINES[request.param](tmp_path)
    await migrate(engine, MIGRATIONS)
    log = SqlEventLog(engine)
    yield log
    await log.close()


def record(event_id: str, item: str = "i", moment: int = 5, value: float | None = None):
    return EventRecord(event_id, "u", item, "rating", moment, value, None)


async def items_after(log: EventLog, sequence: int = 0, limit: int = 1_000) -> list[str]:
    page = await log.read_after(sequence, limit)
    return [event.item_id for _, event in page.records]


async def test_an_empty_log_has_nothing(log: EventLog) -> None:
    page = await log.read_after(0, 10)
    assert (list(page.records), page.last_sequence) == ([], 0)
    assert [chunk async for chunk in log.training_events("acme", 10)] == []
    assert await log.append("acme", [], 1) == Stored(0, 0, 0)


async def test_events_come_back_as_they_went_in(log: EventLog) -> None:
    stored = await log.append(
        "acme", [EventRecord("e1", "ü", "i", "view", -1, None, None), record("e2", value=4.5)], 9
    )
    assert (stored.accepted, stored.duplicates) == (2, 0)
    page = await log.read_after(0, 10)
    assert list(page.records) == [
        ("acme", UserEvent("ü", "i", "view", -1, None)),
        ("acme", UserEvent("u", "i", "rating", 5, 4.5)),
    ]
    assert page.last_sequence == stored.last_sequence


async def test_the_first_of_an_id_wins_in_a_batch_and_over_time(log: EventLog) -> None:
    first = await log.append("acme", [record("a", "1"), record("b", "2"), record("a", "3")], 1)
    assert (first.accepted, first.duplicates) == (2, 1)
    second = await log.append("acme", [record("b", "4"), record("c", "5")], 1)
    assert (second.accepted, second.duplicates) == (1, 1)
    assert second.last_sequence > first.last_sequence
    assert await log.append("acme", [record("a", "6")], 1) == Stored(0, 1, 0)
    assert await items_after(log) == ["1", "2", "5"]


async def test_an_id_belongs_to_its_tenant(log: EventLog) -> None:
    assert (await log.append("acme", [record("a", "1")], 1)).accepted == 1
    assert (await log.append("other", [record("a", "2")], 1)).accepted == 1
    page = await log.read_after(0, 10)
    assert [tenant for tenant, _ in page.records] == ["acme", "other"]
    [[event]] = [chunk async for chunk in log.training_events("other", 10)]
    assert event[2] == "2"


async def test_pages_follow_each_other_without_gap_or_overlap(log: EventLog) -> None:
    await log.append("acme", [record(f"e{n}", f"i{n}") for n in range(10)], 1)
    position, found = 0, []
    while (page := await log.read_after(position, 3)).records:
        found += [event.item_id for _, event in page.records]
        position = page.last_sequence
    assert found == [f"i{n}" for n in range(10)]


async def test_a_reader_that_follows_writers_misses_nothing_and_sees_nothing_twice(
    log: EventLog,
) -> None:
    seen: list[str] = []

    async def follow() -> None:
        position = 0
        while len(seen) < 20:
            page = await log.read_after(position, 1_000)
            position = page.last_sequence
            seen.extend(event.item_id for _, event in page.records)

    async def write(writer: int) -> None:
        for n in range(5):
            await log.append("acme", [record(f"{writer}-{n}", f"{writer}-{n}")], 1)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(follow)
            for writer in range(4):
                group.start_soon(write, writer)
    assert sorted(seen) == sorted(f"{writer}-{n}" for writer in range(4) for n in range(5))


async def test_writers_at_once_store_each_id_once(log: EventLog) -> None:
    results: list[Stored] = []

    async def write() -> None:
        results.append(await log.append("acme", [record(f"e{n}") for n in range(50)], 1))

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(write)
    assert sum(stored.accepted for stored in results) == 50
    assert sum(stored.duplicates for stored in results) == 150
    assert len(await items_after(log)) == 50


async def test_training_events_are_in_the_order_of_their_content(log: EventLog) -> None:
    events = [
        EventRecord("1", "u2", "a", "view", 1, None, None),
        EventRecord("2", "u1", "b", "view", 2, None, None),
        EventRecord("3", "u1", "a", "view", 2, 1.0, None),
        EventRecord("4", "u1", "a", "view", 2, None, None),
        EventRecord("5", "u1", "a", "click", 2, None, None),
        EventRecord("6", "u1", "z", "view", 1, None, None),
    ]
    await log.append("acme", events, 1)
    await log.append("other", [record("1")], 1)
    chunks = [chunk async for chunk in log.training_events("acme", 4)]
    assert [len(chunk) for chunk in chunks] == [4, 2]
    assert [tuple(row)[1:] for chunk in chunks for row in chunk] == [
        ("u1", "z", "view", 1, None),
        ("u1", "a", "click", 2, None),
        ("u1", "a", "view", 2, None),
        ("u1", "a", "view", 2, 1.0),
        ("u1", "b", "view", 2, None),
        ("u2", "a", "view", 1, None),
    ]


async def test_training_events_are_those_of_one_moment(log: EventLog) -> None:
    await log.append("acme", [record(f"e{n}", moment=n) for n in range(4)], 1)
    found = 0
    async for chunk in log.training_events("acme", 2):
        found += len(chunk)
        await log.append("acme", [record(f"later{found}", moment=99)], 1)
    assert found == 4


async def test_a_working_log_answers_a_ping(log: EventLog) -> None:
    await log.ping()
