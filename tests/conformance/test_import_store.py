"""Every ImportBook with its ImportQueue and ImportClaims, every ErasedUsers, every Spool."""

import asyncio
from collections.abc import AsyncIterator, Generator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.s3_server import S3Server

from backends.database import open_engine
from backends.object_store import UrlObjectStore
from backends.ports import PortUnavailable
from contracts.imports import DataType, FileFormat
from data_pipeline.adapters.import_book import SqlImportBook, SqlImportClaims, SqlImportQueue
from data_pipeline.adapters.import_erasures import SqlErasedUsers
from data_pipeline.adapters.import_spool import BLOCK, ObjectSpool
from data_pipeline.domain.deliveries import Counts, Rejected
from data_pipeline.domain.extracted import ExtractedRecords
from data_pipeline.domain.import_ports import (
    ErasedUsers,
    ImportBook,
    ImportClaims,
    ImportQueue,
    Spool,
)
from data_pipeline.domain.imports import (
    BrokenFile,
    Chunk,
    Import,
    Pace,
    RecordFile,
    erasure_mark,
    new_import,
)

pytestmark = pytest.mark.anyio

ME = "this replica"
OTHER = "another replica"
START = 1_760_000_000_000
HEADERS = {"traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"}


def job(number: int, tenant_id: str = "acme") -> Import:
    import_id = f"{START + number:013d}-{number:012x}"
    file = RecordFile(DataType.EVENTS, FileFormat.CSV, {"uid": "user_id"})
    return new_import(import_id, tenant_id, file, 5, START + number, HEADERS)


def marks(*user_ids: str) -> frozenset[str]:
    return frozenset(erasure_mark("acme", user_id) for user_id in user_ids)


@pytest.fixture
def book(engine: AsyncEngine) -> ImportBook:
    return SqlImportBook(engine)


@pytest.fixture
def queue(engine: AsyncEngine) -> ImportQueue:
    return SqlImportQueue(engine)


@pytest.fixture
def erased(engine: AsyncEngine) -> ErasedUsers:
    return SqlErasedUsers(engine)


@pytest.fixture
def claims(engine: AsyncEngine) -> ImportClaims:
    return SqlImportClaims(engine)


@pytest.fixture(scope="module")
def s3() -> Generator[S3Server]:
    server = S3Server()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["file", "s3"])
def spool(
    request: pytest.FixtureRequest, tmp_path: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Spool:
    for name, value in s3.settings.items():
        monkeypatch.setenv(name, value)
    urls = {"file": (tmp_path / "objects").as_uri(), "s3": f"{s3.url}/{tmp_path.name}"}
    return ObjectSpool(UrlObjectStore(urls[request.param]), tmp_path / "arriving")


async def held(claims: ImportClaims, holder: str = ME) -> None:
    """Claim all that may be claimed."""
    for seen in await claims.waiting(10):
        assert seen.holder or await claims.claim(seen, holder)


async def test_an_import_is_found_as_it_was_by_its_tenant_alone(book, queue, claims) -> None:
    entry = job(1).begun(START + 5)
    nothing = ExtractedRecords(3, [], [], [], lambda _: b"")
    chunk = Chunk(3, nothing, position=77, progress=0.5, notices={"byte_order_mark": 1})
    rejected = [Rejected(2, "c", "r", b"")]
    after = entry.advanced(chunk, Counts(3, 1, 1, 1), rejected, Pace(2.0, 0, 0.0))
    assert (after.job.rows_per_second, after.job.seconds_left) == (1.5, 2.0)
    assert await book.add(job(1), 10)
    assert not await queue.save(after, ME)
    await held(claims)
    assert await queue.save(after, ME)
    assert await book.find("acme", job(1).job.import_id) == after
    assert await book.find("other", job(1).job.import_id) is None


async def test_a_tenant_has_a_number_of_unfinished_imports_at_most(book, queue, claims) -> None:
    assert await book.add(job(1), 2)
    assert await book.add(job(2), 2)
    assert not await book.add(job(3), 2)
    assert await book.find("acme", job(3).job.import_id) is None
    assert await book.add(job(4, "other"), 2)
    await held(claims)
    await queue.save(job(1).completed(START), ME)
    assert await book.add(job(3), 2)


async def test_pages_follow_each_other_newest_first(book) -> None:
    for number in range(5):
        await book.add(job(number), 10)
    await book.add(job(9, "other"), 10)
    first = await book.page("acme", None, 3)
    assert [one.import_id for one in first] == [job(n).job.import_id for n in (4, 3, 2)]
    second = await book.page("acme", first[-1].import_id, 3)
    assert [one.import_id for one in second] == [job(n).job.import_id for n in (1, 0)]


async def test_the_oldest_unfinished_import_of_each_tenant_is_next(book, queue, claims) -> None:
    for entry in (job(1), job(2), job(3, "b"), job(0, "c"), job(4, "c")):
        await book.add(entry, 10)
    await held(claims)
    await queue.save(job(0, "c").cancelled(START), ME)
    waiting = await claims.waiting(0)
    assert [seen.entry for seen in waiting] == [job(1), job(3, "b")]
    waiting = await claims.waiting(1)
    assert [(seen.entry, seen.holder) for seen in waiting] == [
        (job(1), ME),
        (job(3, "b"), ME),
        (job(4, "c"), None),
    ]
    assert list(await book.unfinished("c")) == [job(4, "c").job.import_id]
    assert len(await book.unfinished()) == 4


@pytest.mark.parametrize(
    "ended",
    [job(1).completed(START), job(1).cancelled(START), job(1).failed(BrokenFile("b"), START)],
    ids=lambda entry: entry.job.status,
)
async def test_what_is_finished_stays_as_it_is(book, queue, claims, ended) -> None:
    await book.add(job(1), 10)
    await held(claims)
    assert await queue.save(ended, ME)
    assert not await queue.save(job(1).begun(START), ME)
    assert await book.find("acme", ended.job.import_id) == ended
    assert not await claims.waiting(10)


async def test_of_two_who_claim_at_once_one_holds(book, claims) -> None:
    await book.add(job(1), 10)
    [seen] = await claims.waiting(10)
    claimed = await asyncio.gather(*(claims.claim(seen, f"replica {n}") for n in range(4)))
    assert sorted(claimed) == [False, False, False, True]
    [taken] = await claims.waiting(10)
    assert taken.holder == f"replica {claimed.index(True)}"


async def test_a_claim_is_made_only_as_it_was_seen(book, queue, claims) -> None:
    await book.add(job(1), 10)
    await held(claims)
    [seen] = await claims.waiting(10)
    await claims.renew(OTHER)
    assert await claims.waiting(10) == [seen]
    await claims.renew(ME)
    assert not await claims.claim(seen, OTHER)
    [renewed] = await claims.waiting(10)
    assert await claims.claim(renewed, OTHER)
    assert not await queue.save(job(1).begun(START), ME)
    assert await queue.save(job(1).begun(START), OTHER)


async def test_what_is_released_is_anybodys(book, claims) -> None:
    await book.add(job(1), 10)
    await book.add(job(2, "b"), 10)
    await held(claims)
    await claims.release(OTHER)
    assert [seen.holder for seen in await claims.waiting(10)] == [ME, ME]
    await claims.release(ME)
    assert [seen.holder for seen in await claims.waiting(10)] == [None, None]


async def test_a_change_is_made_whoever_holds_the_import(book, queue, claims) -> None:
    await book.add(job(1), 10)
    await held(claims)
    import_id = job(1).job.import_id
    begun = job(1).begun(START)
    changed = await queue.change("acme", import_id, lambda entry: entry.begun(START))
    assert changed == await book.find("acme", import_id) == begun
    assert await queue.change("other", import_id, lambda entry: entry.begun(START)) is None

    def refused(_: Import) -> Import:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await queue.change("acme", import_id, refused)
    cancelled = await queue.change("acme", import_id, lambda entry: entry.cancelled(START))
    assert not await queue.save(begun, ME)
    assert await book.find("acme", import_id) == cancelled


async def test_what_a_holder_saves_is_not_undone_by_a_change_at_once(book, queue, claims) -> None:
    await book.add(job(1), 10)
    await held(claims)
    import_id = job(1).job.import_id
    saved, _ = await asyncio.gather(
        queue.save(replace(job(1), position=7), ME),
        queue.change("acme", import_id, lambda entry: entry.cancelled(START)),
    )
    entry = await book.find("acme", import_id)
    assert (entry.finished, entry.position) == (True, 7 if saved else 0)


async def test_finished_imports_are_forgotten_in_time(book, queue, claims) -> None:
    for number in (1, 2, 3):
        await book.add(job(number), 10)
    for number, ended_ms in ((1, START), (2, START + 10)):
        await held(claims)
        await queue.save(job(number).completed(ended_ms), ME)
    assert await queue.purge(START + 10) == 1
    assert len(await book.page("acme", None, 10)) == 2


async def test_what_happens_together_happens_or_does_not(book, queue, claims, erased) -> None:
    await book.add(job(1), 10)
    await held(claims)
    begun = job(1).begun(START)

    async def half() -> None:
        async with queue.together():
            await erased.mark("acme", ["u"], START)
            await queue.save(begun, ME)
            assert await book.find("acme", begun.job.import_id) == begun
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await half()
    assert await erased.marks("acme", 0) == frozenset()
    assert await book.find("acme", begun.job.import_id) == job(1)
    async with queue.together():
        await erased.mark("acme", ["u"], START)
        await queue.save(begun, ME)
    assert await erased.marks("acme", 0) == marks("u")
    assert await book.find("acme", begun.job.import_id) == begun


async def test_the_marks_of_a_tenant_are_those_since_a_moment(erased) -> None:
    await erased.mark("acme", ["a", "b"], START)
    await erased.mark("acme", ["b"], START + 10)
    assert await erased.marks("acme", START) == marks("a", "b")
    assert await erased.marks("acme", START + 1) == marks("b")
    assert await erased.marks("acme", START + 11) == frozenset()
    assert await erased.marks("other", 0) == frozenset()


async def test_a_mark_stays_while_an_older_import_is_unfinished(
    book, queue, claims, erased
) -> None:
    await book.add(job(5), 10)
    await erased.mark("acme", ["old"], START)
    await erased.mark("acme", ["needed"], START + 5)
    assert await erased.purge(START + 100) == 1
    assert await erased.marks("acme", 0) == marks("needed")
    await held(claims)
    await queue.save(job(5).completed(START), ME)
    assert await erased.purge(START + 100) == 1


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_file_is_kept_whole(spool: Spool, tmp_path: Path) -> None:
    sent = [b"a" * 10, b"b" * 2 * BLOCK, b"c"]
    assert await spool.receive("one", chunks(*sent)) == 2 * BLOCK + 11
    await spool.copy("one", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"".join(sent)
    assert await spool.kept() == ["one"]
    await spool.remove("one")
    await spool.remove("one")
    assert await spool.kept() == []
    with pytest.raises(KeyError):
        await spool.copy("one", tmp_path / "copy")


async def test_a_file_on_its_way_is_for_its_owner_alone_and_kept_only_when_it_is_whole(
    spool: Spool, tmp_path: Path
) -> None:
    async def watched() -> AsyncIterator[bytes]:
        yield b"x" * 2 * BLOCK
        assert [path.name for path in (tmp_path / "arriving").iterdir()] == ["one"]
        assert (tmp_path / "arriving").stat().st_mode & 0o777 == 0o700
        assert await spool.kept() == []

    await spool.receive("one", watched())
    assert list((tmp_path / "arriving").iterdir()) == []
    assert await spool.kept() == ["one"]


async def test_nothing_is_left_of_an_upload_that_breaks_off(spool: Spool, tmp_path: Path) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"a" * 2 * BLOCK
        raise ConnectionAbortedError

    with pytest.raises((ConnectionAbortedError, PortUnavailable)):
        await spool.receive("one", breaking())
    assert list((tmp_path / "arriving").iterdir()) == []
    assert await spool.kept() == []


async def test_what_works_answers_a_ping(book, queue, claims, erased, spool) -> None:
    for port in (book, queue, claims, erased, spool):
        await port.ping()


async def test_a_lost_database_or_folder_is_unavailable(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path}/empty.db", pool_size=1)
    objects = UrlObjectStore((tmp_path / "objects").as_uri())
    spool = ObjectSpool(objects, tmp_path / "spool")
    (tmp_path / "spool").rmdir()
    stores = (SqlImportBook, SqlImportQueue, SqlImportClaims, SqlErasedUsers)
    for port in (*(store(engine) for store in stores), spool):
        with pytest.raises(PortUnavailable):
            await port.ping()
    with pytest.raises(PortUnavailable):
        await spool.receive("one", chunks(b"x"))
    await engine.dispose()
