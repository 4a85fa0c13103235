"""What was quarantined comes in again, and the books move with it."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.data_pipeline.books import START_MS, Books, event

from contracts.quarantine import QuarantineFilter
from data_pipeline.domain.accounting import Departure
from data_pipeline.domain.deliveries import Counts, Source
from data_pipeline.domain.errors import QuarantineChanged
from data_pipeline.services import replays

pytestmark = pytest.mark.anyio

DAY_MS = 86_400_000


@pytest.fixture
async def books(tmp_path: Path) -> AsyncGenerator[Books]:
    books = Books(tmp_path)
    await books.files.migrate()
    yield books
    await books.files.close()


async def counts(books: Books, day_ms: int = START_MS) -> list[Counts]:
    day = datetime.fromtimestamp(day_ms / 1000, UTC).date()
    return [account.counts for account in await books.ledger.accounts("acme", day, day)]


async def test_what_is_sound_now_is_loaded_and_moves_in_its_account(books: Books) -> None:
    books.checks.unknown = {"new"}
    await books.deliver([event(1), event(2, "new"), event(3, "new"), event(1)])
    assert await counts(books) == [Counts(4, 1, 1, 2)]
    books.checks.unknown = set()
    books.now_ms += 3 * DAY_MS
    await books.deliver([event(2)])
    report = await books.replays.replay("acme", [e.sequence for e in await books.entries()])
    result = report.result
    assert (result.replayed, result.loaded, result.duplicates, result.rejected) == (2, 1, 1, 0)
    assert await counts(books) == [Counts(4, 2, 2, 0)]
    assert await counts(books, books.now_ms) == [Counts(1, 1, 0, 0)]
    assert await books.stored() == ["e1", "e2", "e3"]
    assert await books.entries() == []
    assert await books.ledger.imbalances() == []


async def test_what_is_still_wrong_stays_for_its_new_reason(books: Books) -> None:
    books.checks.unknown = {"new"}
    await books.deliver([event(1, "new"), b'{"event_id": 5}', b"no JSON"])
    books.checks.unknown = set()
    before = await books.entries()
    report = await books.replays.replay("acme", [*(e.sequence for e in before), 99])
    assert (report.result.rejected, report.result.loaded, report.result.missing) == (2, 1, 1)
    after = await books.entries()
    assert [(e.sequence, e.code) for e in after] == [(2, "unfit"), (3, "invalid_json")]
    assert [one.quarantine_id for one in report.result.first_rejections] == [2, 3]
    assert [e.received_at_ms for e in after] == [START_MS, START_MS]
    books.checks.unknown = {"i9"}
    await books.replays.replay_mended("acme", {2: event(5, "i9")})
    entry, _ = await books.entries()
    assert (entry.code, entry.reason) == ("unknown_item", "There is no item i9.")
    assert await books.ledger.imbalances() == []


async def test_a_mended_record_takes_the_place_of_the_one_that_was_sent(books: Books) -> None:
    await books.deliver([b'{"event_id": "e1", '])
    (entry,) = await books.entries()
    report = await books.replays.replay_mended("acme", {entry.sequence: event(1)})
    assert report.result.loaded == 1
    assert await books.stored() == ["e1"]
    assert await counts(books) == [Counts(1, 1, 0, 0)]
    again = await books.replays.replay_mended("acme", {entry.sequence: event(1)})
    assert (again.result.missing, again.result.replayed) == (1, 0)
    assert await books.ledger.imbalances() == []


async def test_a_cut_record_is_replayed_by_a_replacement_alone(books: Books) -> None:
    await books.deliver([b"[" * 70_000])
    (entry,) = await books.entries()
    report = await books.replays.replay("acme", [entry.sequence])
    (still,) = report.result.first_rejections
    assert (report.result.rejected, still.code) == (1, "record_cut")
    report = await books.replays.replay_mended("acme", {entry.sequence: event(1)})
    assert report.result.loaded == 1


async def test_accounts_of_several_sources_and_days_move_each_by_itself(books: Books) -> None:
    books.checks.unknown = {"new"}
    await books.deliver([event(1, "new")])
    await books.deliver([event(2, "new")], source=Source.KAFKA)
    books.now_ms += DAY_MS
    await books.deliver([event(3, "new")])
    books.checks.unknown = set()
    report = await books.replays.replay("acme", [1, 2, 3])
    assert len(report.loaded) == 3
    assert await counts(books) == [Counts(1, 1, 0, 0), Counts(1, 1, 0, 0)]
    assert await counts(books, books.now_ms) == [Counts(1, 1, 0, 0)]


async def test_a_filter_is_worked_through_in_steps(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "MAX_REPLAY", 2)
    books.checks.unknown = {"new", "lost"}
    await books.deliver([event(n, "lost" if n % 2 else "new") for n in range(5)])
    await books.deliver([b"no JSON"])
    books.checks.unknown = {"lost"}
    where, after, loaded = QuarantineFilter(code="unknown_item"), 0, []
    while True:
        report = await books.replays.replay_some("acme", where, after)
        loaded.append(report.result.loaded)
        if report.last is None:
            break
        after = report.last
    assert loaded == [1, 1, 1]
    assert [e.code for e in await books.entries()] == ["unknown_item"] * 2 + ["invalid_json"]


async def test_another_tenants_records_are_missing(books: Books) -> None:
    await books.deliver([b"no JSON"], "other")
    report = await books.replays.replay("acme", [1])
    assert (report.result.missing, report.result.replayed) == (1, 0)
    assert len(await books.entries("other")) == 1


async def test_a_record_that_leaves_meanwhile_is_not_loaded(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.checks.unknown = {"new"}
    await books.deliver([event(1, "new"), event(2, "new")])
    books.checks.unknown = set()
    find = books.quarantine.find

    async def found_then_erased(tenant_id: str, sequences: list[int]):
        entries = await find(tenant_id, sequences)
        await books.exits.remove(tenant_id, [1], Departure.ERASED)
        return entries

    monkeypatch.setattr(books.quarantine, "find", found_then_erased)
    with pytest.raises(QuarantineChanged):
        await books.replays.replay("acme", [1, 2])
    assert await books.stored() == []
    assert [e.sequence for e in await books.entries()] == [2]
    assert await books.ledger.imbalances() == []
    monkeypatch.undo()
    assert (await books.replays.replay("acme", [1, 2])).result.loaded == 1
    assert await books.stored() == ["e2"]
