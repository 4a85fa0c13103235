"""Every ImportBook with its ImportQueue, every ErasedUsers, every Spool."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backends.database import open_engine
from backends.ports import PortUnavailable
from contracts.imports import DataType, FileFormat
from data_pipeline.adapters.import_book import SqlImportBook, SqlImportQueue
from data_pipeline.adapters.import_erasures import SqlErasedUsers
from data_pipeline.adapters.import_spool import BLOCK, FolderSpool
from data_pipeline.domain.deliveries import Counts, Rejected
from data_pipeline.domain.extracted import ExtractedRecords
from data_pipeline.domain.import_ports import ErasedUsers, ImportBook, ImportQueue, Spool
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
def spool(tmp_path: Path) -> Spool:
    return FolderSpool(tmp_path / "spool")


async def test_an_import_is_found_as_it_was_by_its_tenant_alone(book, queue) -> None:
    entry = job(1).begun(START + 5)
    nothing = ExtractedRecords(3, [], [], [], lambda _: b"")
    chunk = Chunk(3, nothing, position=77, progress=0.5, notices={"byte_order_mark": 1})
    rejected = [Rejected(2, "c", "r", b"")]
    after = entry.advanced(chunk, Counts(3, 1, 1, 1), rejected, Pace(2.0, 0, 0.0))
    assert (after.job.rows_per_second, after.job.seconds_left) == (1.5, 2.0)
    assert await book.add(job(1), 10)
    assert await queue.save(after)
    assert await book.find("acme", job(1).job.import_id) == after
    assert await book.find("other", job(1).job.import_id) is None


async def test_a_tenant_has_a_number_of_unfinished_imports_at_most(book, queue) -> None:
    assert await book.add(job(1), 2)
    assert await book.add(job(2), 2)
    assert not await book.add(job(3), 2)
    assert await book.find("acme", job(3).job.import_id) is None
    assert await book.add(job(4, "other"), 2)
    await queue.save(job(1).completed(START))
    assert await book.add(job(3), 2)


async def test_pages_follow_each_other_newest_first(book) -> None:
    for number in range(5):
        await book.add(job(number), 10)
    await book.add(job(9, "other"), 10)
    first = await book.page("acme", None, 3)
    assert [one.import_id for one in first] == [job(n).job.import_id for n in (4, 3, 2)]
    second = await book.page("acme", first[-1].import_id, 3)
    assert [one.import_id for one in second] == [job(n).job.import_id for n in (1, 0)]


async def test_the_oldest_unfinished_import_of_each_tenant_is_next(book, queue) -> None:
    for entry in (job(1), job(2), job(3, "b"), job(0, "c"), job(4, "c")):
        await book.add(entry, 10)
    await queue.save(job(0, "c").cancelled(START))
    waiting = await queue.waiting(10)
    assert [entry.job.created_at.timestamp() * 1000 - START for entry in waiting] == [1, 3, 4]
    assert len(await queue.waiting(2)) == 2
    assert list(await book.unfinished("c")) == [job(4, "c").job.import_id]
    assert len(await book.unfinished()) == 4


@pytest.mark.parametrize(
    "ended",
    [job(1).completed(START), job(1).cancelled(START), job(1).failed(BrokenFile("b"), START)],
    ids=lambda entry: entry.job.status,
)
async def test_what_is_finished_stays_as_it_is(book, queue, ended) -> None:
    await book.add(job(1), 10)
    assert await queue.save(ended)
    assert not await queue.save(job(1).begun(START))
    assert await book.find("acme", ended.job.import_id) == ended
    assert not await queue.waiting(10)


async def test_finished_imports_are_forgotten_in_time(book, queue) -> None:
    for number in (1, 2, 3):
        await book.add(job(number), 10)
    await queue.save(job(1).completed(START))
    await queue.save(job(2).completed(START + 10))
    assert await queue.purge(START + 10) == 1
    assert len(await book.page("acme", None, 10)) == 2


async def test_what_happens_together_happens_or_does_not(book, queue, erased) -> None:
    await book.add(job(1), 10)
    begun = job(1).begun(START)

    async def half() -> None:
        async with queue.together():
            await erased.mark("acme", ["u"], START)
            await queue.save(begun)
            assert await book.find("acme", begun.job.import_id) == begun
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await half()
    assert await erased.marks("acme", 0) == frozenset()
    assert await book.find("acme", begun.job.import_id) == job(1)
    async with queue.together():
        await erased.mark("acme", ["u"], START)
        await queue.save(begun)
    assert await erased.marks("acme", 0) == marks("u")
    assert await book.find("acme", begun.job.import_id) == begun


async def test_the_marks_of_a_tenant_are_those_since_a_moment(erased) -> None:
    await erased.mark("acme", ["a", "b"], START)
    await erased.mark("acme", ["b"], START + 10)
    assert await erased.marks("acme", START) == marks("a", "b")
    assert await erased.marks("acme", START + 1) == marks("b")
    assert await erased.marks("acme", START + 11) == frozenset()
    assert await erased.marks("other", 0) == frozenset()


async def test_a_mark_stays_while_an_older_import_is_unfinished(book, queue, erased) -> None:
    await book.add(job(5), 10)
    await erased.mark("acme", ["old"], START)
    await erased.mark("acme", ["needed"], START + 5)
    assert await erased.purge(START + 100) == 1
    assert await erased.marks("acme", 0) == marks("needed")
    await queue.save(job(5).completed(START))
    assert await erased.purge(START + 100) == 1


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_file_is_kept_whole_and_for_its_owner_alone(spool: Spool) -> None:
    parts = [b"a" * 10, b"b" * 2 * BLOCK, b"c"]
    assert await spool.receive("one", chunks(*parts)) == 2 * BLOCK + 11
    assert spool.path("one").read_bytes() == b"".join(parts)
    assert spool.path("one").stat().st_mode & 0o777 == 0o600
    await spool.remove("one")
    await spool.remove("one")
    assert not spool.path("one").exists()


async def test_nothing_is_left_of_an_upload_that_breaks_off(spool: Spool) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"a" * 2 * BLOCK
        raise ConnectionAbortedError

    with pytest.raises((ConnectionAbortedError, PortUnavailable)):
        await spool.receive("one", breaking())
    assert list(spool.path("one").parent.iterdir()) == []


async def test_files_of_other_imports_are_removed(spool: Spool) -> None:
    for name in ("a", "b", "c"):
        await spool.receive(name, chunks(b"x"))
    await spool.keep_only({"b", "z"})
    assert [path.name for path in spool.path("b").parent.iterdir()] == ["b"]


async def test_what_works_answers_a_ping(book, queue, erased, spool) -> None:
    for port in (book, queue, erased, spool):
        await port.ping()


async def test_a_lost_database_or_folder_is_unavailable(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path}/empty.db", pool_size=1)
    spool = FolderSpool(tmp_path / "spool")
    (tmp_path / "spool").rmdir()
    for port in (SqlImportBook(engine), SqlImportQueue(engine), SqlErasedUsers(engine), spool):
        with pytest.raises(PortUnavailable):
            await port.ping()
    with pytest.raises(PortUnavailable):
        await spool.receive("one", chunks(b"x"))
    await engine.dispose()
