"""Whatever happens to records, the books agree; where they do not, it is found and named."""

import shutil
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.data_pipeline.books import Books, event

from contracts.quarantine import QuarantineFilter
from data_pipeline.adapters.tables import event_chunks, ledger, quarantine
from data_pipeline.domain.accounting import BooksDiffer, Departure, Imbalance
from data_pipeline.domain.deliveries import Source
from data_pipeline.services.accounting_check import AccountingCheck
from data_pipeline.services.quarantine_expiry import QuarantineExpiry

DAY_MS = 86_400_000
ALWAYS = (date(2020, 1, 1), date(2040, 1, 1))
TENANTS = st.sampled_from(["acme", "other"])
NUMBERS = st.integers(0, 9)
RECORDS = st.one_of(
    st.builds(event, NUMBERS, st.sampled_from(["i1", "i2"]), st.sampled_from(["u1", "u2"])),
    st.sampled_from([b"", b"no JSON", b'{"user_id": "u1"', b'{"event_id": 7}', b"[" * 70_000]),
)
ACTIONS = st.one_of(
    st.tuples(st.just("deliver"), st.lists(RECORDS, max_size=8), st.sampled_from(Source)),
    st.tuples(st.just("know"), st.sets(st.sampled_from(["i1", "i2"]))),
    st.tuples(st.just("replay"), st.lists(st.integers(1, 30), min_size=1, max_size=10)),
    st.tuples(st.just("replay_some"), st.sampled_from([None, "unknown_item", "unfit"])),
    st.tuples(st.just("mend"), NUMBERS),
    st.tuples(st.just("discard"), st.integers(1, 30)),
    st.tuples(st.just("erase"), st.sampled_from(["u1", "u2"])),
    st.tuples(st.just("remove"), NUMBERS),
    st.tuples(st.just("wait"), st.integers(1, 20)),
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty")

    async def make() -> None:
        books = Books(folder)
        await books.files.migrate()
        await books.files.close()

    anyio.run(make)
    return folder


@asynccontextmanager
async def opened(empty: Path) -> AsyncGenerator[Books]:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(empty, folder, dirs_exist_ok=True)
        books = Books(Path(folder))
        yield books
        await books.files.close()


@dataclass
class Story:
    """What was done to the books of two tenants, and how many records were sent to each."""

    books: Books
    sent: dict[str, int]

    async def act(self, tenant_id: str, action: Sequence[Any]) -> None:
        await getattr(self, action[0])(tenant_id, *action[1:])

    async def deliver(self, tenant_id: str, records: list[Any], source: Source) -> None:
        await self.books.deliver(records, tenant_id, source)
        self.sent[tenant_id] = self.sent.get(tenant_id, 0) + len(records)

    async def know(self, _: str, items: set[str]) -> None:
        self.books.checks.unknown = {"i1", "i2"} - items

    async def replay(self, tenant_id: str, sequences: list[int]) -> None:
        await self.books.replays.replay(tenant_id, sequences)

    async def replay_some(self, tenant_id: str, code: str | None) -> None:
        await self.books.replays.replay_some(tenant_id, QuarantineFilter(code=code), 0)

    async def mend(self, tenant_id: str, number: int) -> None:
        for entry in (await self.books.entries(tenant_id))[:1]:
            await self.books.replays.replay_mended(tenant_id, {entry.sequence: event(number)})

    async def discard(self, tenant_id: str, sequence: int) -> None:
        await self.books.exits.remove(tenant_id, [sequence], Departure.DISCARDED)

    async def erase(self, tenant_id: str, user_id: str) -> None:
        await self.books.people.erase(tenant_id, [user_id])

    async def remove(self, tenant_id: str, number: int) -> None:
        await self.books.files.archive.remove(tenant_id, f"e{number}")

    async def wait(self, _: str, days: int) -> None:
        books = self.books
        books.now_ms += days * DAY_MS
        await QuarantineExpiry(books.exits, 30, lambda _: None, lambda: books.now_ms).run()

    async def check(self) -> None:
        assert await self.books.ledger.imbalances() == []
        for tenant_id, sent in self.sent.items():
            accounts = await self.books.ledger.accounts(tenant_id, ALWAYS[0], ALWAYS[1])
            assert sum(account.counts.received for account in accounts) == sent


@settings(max_examples=20)
@given(st.lists(st.tuples(TENANTS, ACTIONS), max_size=12))
def test_the_books_stay_balanced(empty: Path, actions: list[tuple[str, Sequence[Any]]]) -> None:
    async def run() -> None:
        async with opened(empty) as books:
            story = Story(books, {})
            for tenant_id, action in actions:
                await story.act(tenant_id, action)
                await story.check()

    anyio.run(run)


async def lost_event(books: Books) -> None:
    async with books.files.engine.begin() as connection:
        await connection.execute(event_chunks.delete())


async def lost_entry(books: Books) -> None:
    async with books.files.engine.begin() as connection:
        await connection.execute(quarantine.delete().where(quarantine.c.sequence == 1))


async def false_count(books: Books) -> None:
    async with books.files.engine.begin() as connection:
        await connection.execute(ledger.update().values(received=5))


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lost_event, Imbalance("acme", "events in the log", 1, 0)),
        (lost_entry, Imbalance("acme", "records in quarantine", 2, 1)),
        (false_count, Imbalance("acme", "account of 2025-06-15 http events", 5, 3)),
    ],
    ids=["lost-event", "lost-entry", "false-count"],
)
@pytest.mark.anyio
async def test_a_planted_imbalance_is_found_and_named(
    empty: Path, spoil: Any, found: Imbalance
) -> None:
    told: list[Any] = []
    async with opened(empty) as books:
        check = AccountingCheck(
            books.ledger, books.quarantine, lambda *told_now: told.append(told_now)
        )
        await books.deliver([event(1), b"no JSON", b"nor this"])
        assert await check.run() == {"differences": 0}
        await check.balanced()
        await spoil(books)
        assert await check.run() == {"differences": 1}
        with pytest.raises(BooksDiffer, match=f"acme: {found.what}: "):
            await check.balanced()
    (before, sizes), (after, _) = told
    assert (list(before), sizes) == ([], {"acme": 2})
    assert after == [found]
