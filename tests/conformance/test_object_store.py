"""Every ObjectStore keeps whole objects under keys."""

import os
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path

import pytest
from tests.s3_server import BUCKET, S3Server

from backends.object_store import UrlObjectStore
from backends.ports import ObjectStore

pytestmark = pytest.mark.anyio

IMPLEMENTATIONS: dict[str, Callable[[Path], ObjectStore]] = {
    "file": lambda folder: UrlObjectStore((folder / "not yet there").as_uri()),
    "memory": lambda _: UrlObjectStore("memory:///"),
    "s3": lambda folder: UrlObjectStore(f"s3://{BUCKET}/{folder.name}"),
}


@pytest.fixture(scope="module")
def s3() -> Generator[S3Server]:
    server = S3Server()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=IMPLEMENTATIONS)
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[ObjectStore]:
    for name, value in s3.settings.items():
        monkeypatch.setenv(name, value)
    store = IMPLEMENTATIONS[request.param](tmp_path)
    yield store
    await store.close()


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 10_000], ids=len)
async def test_what_is_put_is_got(store: ObjectStore, content: bytes) -> None:
    await store.put("models/a/1/report.json", content)
    assert await store.get("models/a/1/report.json") == content


async def test_a_second_put_replaces_the_object(store: ObjectStore) -> None:
    await store.put("a", b"a long first object")
    await store.put("a", b"short")
    assert await store.get("a") == b"short"


@pytest.mark.parametrize("size", [0, 1, 30_000_000])
async def test_files_go_in_and_come_out(store: UrlObjectStore, tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "in").write_bytes(content[:size])
    await store.put("snapshots/a/events.parquet", tmp_path / "in")
    assert await store.get("snapshots/a/events.parquet") == content[:size]
    await store.download("snapshots/a/events.parquet", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == content[:size]


async def test_an_absent_object_cannot_be_downloaded(store: UrlObjectStore, tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        await store.download("absent", tmp_path / "out")
    assert not (tmp_path / "out").exists()


async def test_an_absent_object_is_a_key_error(store: ObjectStore) -> None:
    await store.put("a/b", b"")
    for key in ("absent", "a/c", "a"):
        with pytest.raises(KeyError):
            await store.get(key)


async def test_keys_are_those_under_the_prefix_in_order(store: ObjectStore) -> None:
    for key in ("a/2", "a/10", "a/b/c", "ab/1", "z"):
        await store.put(key, b"")
    assert await store.keys("a/") == ["a/10", "a/2", "a/b/c"]
    assert await store.keys("a/b/") == ["a/b/c"]
    assert await store.keys("none/") == []


async def test_a_deleted_object_is_gone_and_deleting_it_again_is_nothing(
    store: ObjectStore,
) -> None:
    await store.put("a", b"1")
    await store.put("b", b"2")
    await store.delete("a")
    await store.delete("a")
    with pytest.raises(KeyError):
        await store.get("a")
    assert await store.get("b") == b"2"


async def test_a_ping_leaves_nothing_behind(store: ObjectStore) -> None:
    await store.put("kept/a", b"1")
    await store.ping()
    assert await store.keys("kept/") == ["kept/a"]
    with pytest.raises(KeyError):
        await store.get("ping")


async def test_a_file_and_its_folders_are_on_the_disk_once_it_is_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    original = os.fsync

    def fsync(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        original(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store = UrlObjectStore((tmp_path / "objects").as_uri())
    await store.put("events/shop/1", b"abc")
    folders = ("events/shop/1", "events/shop", "events", "")
    assert flushed == [tmp_path / "objects" / name for name in folders]
