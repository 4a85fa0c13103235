"""A backup has everything but what is derived, and gives it back to either kind of database."""

import asyncio
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from backends.database import close_engine, open_engine
from backends.migrations import migrate
from backends.object_store import UrlObjectStore
from backends.ports import PortUnavailable
from data_pipeline.adapters.tables import event_chunks, items, quarantine, stream_positions
from launcher.backup import databases as copying
from launcher.backup.__main__ import main
from launcher.backup.databases import opened
from launcher.backup.manifest import KeptDatabase, verified, write_manifest
from launcher.backup.settings import BackupSettings
from launcher.backup.stores import Database, Stores, live_stores
from launcher.backup.work import restore, save
from launcher.errors import LaunchError

ITEM = {
    "tenant_id": "shop",
    "item_id": "i1",
    "sequence": 1,
    "categories": ["a", "ü"],
    "attributes": {"price": 1.5},
    "latitude": 52.5,
    "removed": True,
}
REJECTED = {
    "tenant_id": "shop",
    "data_type": "event",
    "source": "http",
    "origin": "o",
    "place": 0,
    "code": "invalid",
    "reason": "why",
    "received_at_ms": 1,
    "cut": False,
    "form": "json",
    "raw": b"\x00\xff",
}
POSITION = {"topic": "events", "partition": 0, "next_offset": 7}
CHUNK = {
    "first_sequence": 1,
    "last_sequence": 2,
    "tenant_id": "shop",
    "lane": "live",
    "day": "2026-11-22",
    "rows": 2,
    "oldest_ms": 1,
    "newest_ms": 2,
    "size": 3,
    "object_key": "events/shop/1",
}


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> BackupSettings:
    """Stores with something in each."""
    settings = BackupSettings(data_dir=tmp_path / "data", database_url=database_url)
    stores = live_stores(settings)
    asyncio.run(_filled(stores))
    chunk = tmp_path / "data" / "objects" / "events" / "shop" / "1"
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(b"abc")
    upload = tmp_path / "data" / "objects" / "imports" / "import-1"
    upload.parent.mkdir()
    upload.write_text("{}")
    seen_ids = tmp_path / "data" / "data-pipeline" / "seen-ids" / "1"
    seen_ids.mkdir(parents=True)
    return settings


@pytest.fixture
def backup(settings: BackupSettings, tmp_path: Path) -> Path:
    folder = tmp_path / "kept" / "one"
    save(settings, folder, print)
    return folder


def emptied(settings: BackupSettings, tmp_path: Path) -> BackupSettings:
    """The same after a disaster, in the embedded form."""
    return BackupSettings(data_dir=tmp_path / "new")


async def _filled(stores: Stores) -> None:
    for database in stores.databases:
        async with opened(database) as engine:
            await migrate(engine, database.migrations)
    async with opened(stores.databases[-1]) as engine, engine.begin() as connection:
        await connection.execute(items.insert(), [ITEM])
        await connection.execute(event_chunks.insert(), [CHUNK])
        await connection.execute(stream_positions.insert(), [POSITION])
        await connection.execute(quarantine.insert(), [REJECTED] * 3)
        # The number of a row that is gone is given to no other.
        await connection.execute(quarantine.delete().where(quarantine.c.sequence == 3))


def rows(settings: BackupSettings) -> Mapping[str, list[Any]]:
    async def read() -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for database in live_stores(settings).databases:
            async with opened(database) as engine, engine.connect() as connection:
                for table in database.metadata.sorted_tables:
                    content = (await connection.execute(sa.select(table))).all()
                    found[table.name] = sorted(map(repr, content))
        return found

    return asyncio.run(read())


def next_number(settings: BackupSettings) -> int:
    async def insert() -> int:
        async with opened(live_stores(settings).databases[-1]) as engine, engine.begin() as one:
            result = await one.execute(quarantine.insert().values(REJECTED))
            assert result.inserted_primary_key is not None
            return result.inserted_primary_key[0]

    return asyncio.run(insert())


def test_everything_comes_back_but_what_is_derived(
    settings: BackupSettings, backup: Path, tmp_path: Path
) -> None:
    before = rows(settings)
    new = emptied(settings, tmp_path)
    for target, replacing in ((new, False), (settings, True)):
        restore(target, backup, print, replacing=replacing)
        assert rows(target) == before
        assert not (target.data_dir / "data-pipeline" / "seen-ids").exists()
        assert (target.data_dir / "objects/imports/import-1").read_text() == "{}"
        assert (target.data_dir / "objects/events/shop/1").read_bytes() == b"abc"
        assert next_number(target) == 4
    assert verified(backup).databases["data-pipeline"].rows["quarantine"] == 2


@pytest.mark.slow
def test_what_came_after_the_backup_is_gone(settings: BackupSettings, backup: Path) -> None:
    before = rows(settings)
    next_number(settings)
    later = settings.data_dir / "objects" / "events" / "shop" / "2"
    later.write_bytes(b"later")
    restore(settings, backup, print, replacing=True)
    assert rows(settings) == before
    assert not later.exists()


def test_the_file_of_an_import_that_is_done_meanwhile_is_kept(
    settings: BackupSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = copying.copy_rows

    async def copy_rows(source: Database, target: Database) -> Mapping[str, int]:
        (settings.data_dir / "objects/imports/import-1").unlink(missing_ok=True)
        return await original(source, target)

    monkeypatch.setattr(copying, "copy_rows", copy_rows)
    save(settings, tmp_path / "kept", print)
    assert (tmp_path / "kept/objects/imports/import-1").read_text() == "{}"
    assert "objects/imports/import-1" in verified(tmp_path / "kept").files


def test_data_are_not_replaced_unasked(
    settings: BackupSettings, backup: Path, tmp_path: Path
) -> None:
    before = rows(settings)
    with pytest.raises(LaunchError, match="there are objects"):
        restore(settings, backup, print)
    shutil.rmtree(settings.data_dir / "objects")
    with pytest.raises(LaunchError, match=r"data-pipeline has data \(event_chunks, items, quar"):
        restore(settings, backup, print)
    assert rows(settings) == before


def test_nothing_is_restored_under_a_running_service(
    settings: BackupSettings, backup: Path
) -> None:
    async def while_connected() -> None:
        engine = open_engine(live_stores(settings).databases[0].url, 1)
        async with engine.connect() as connection:
            await connection.execute(sa.text("SELECT 1"))
            with pytest.raises(LaunchError, match="backend-api is in use: stop the services"):
                await asyncio.to_thread(restore, settings, backup, print, replacing=True)
        await close_engine(engine)

    asyncio.run(while_connected())


@pytest.mark.slow
@pytest.mark.parametrize(("options", "kept"), [([], 1), (["--new-kafka"], 0)], ids=["kept", "lost"])
def test_a_lost_kafka_is_read_from_its_beginning(
    settings: BackupSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    kept: int,
) -> None:
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    assert main(["save", str(tmp_path / "kept")]) == 0
    assert main(["restore", str(tmp_path / "kept"), "--replace", *options]) == 0
    assert len(rows(settings)["stream_positions"]) == kept


class TestDamage:
    @pytest.fixture
    def database_url(self) -> str:
        """Damage is the same on every database."""
        return ""

    def test_a_backup_that_is_not_as_it_was_written_is_refused(
        self, backup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["verify", str(backup)]) == 0
        assert capsys.readouterr().out.startswith("whole: the backup of ")
        (backup / "objects/events/shop/1").write_bytes(b"abd")
        (backup / "more").touch()
        assert main(["verify", str(backup)]) == 1
        (backup / "backup.json").unlink()
        assert main(["restore", str(backup)]) == 1
        told = capsys.readouterr().err
        assert f"the backup at {backup} is damaged: more, objects/events/shop/1\n" in told
        assert "there is no whole backup" in told

    def test_a_log_without_its_objects_is_no_backup(
        self, settings: BackupSettings, tmp_path: Path
    ) -> None:
        (settings.data_dir / "objects/events/shop/1").unlink()
        with pytest.raises(LaunchError, match=r"try again: events/shop/1$"):
            save(settings, tmp_path / "kept", print)
        assert not list(tmp_path.glob("*kept*"))

    def test_a_store_that_is_away_is_told_in_one_line(
        self,
        settings: BackupSettings,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        async def away(*_: object) -> None:
            raise PortUnavailable("the store is away")

        monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
        monkeypatch.setattr(UrlObjectStore, "put", away)
        assert main(["save", str(tmp_path / "kept")]) == 1
        assert capsys.readouterr().err == "the backup stopped: the store is away\n"
        assert not list(tmp_path.glob("*kept*"))

    def test_a_backup_takes_the_place_of_nothing(
        self, settings: BackupSettings, backup: Path
    ) -> None:
        with pytest.raises(LaunchError, match="is there already"):
            save(settings, backup, print)

    @pytest.mark.slow
    def test_databases_of_another_release_are_not_backed_up(
        self, settings: BackupSettings, tmp_path: Path
    ) -> None:
        _to_revision(live_stores(settings), "0007")
        with pytest.raises(LaunchError, match="data-pipeline has schema 0007 and this program"):
            save(settings, tmp_path / "kept", print)

    @pytest.mark.slow
    def test_a_backup_of_an_older_release_is_restored_into_a_newer(
        self, settings: BackupSettings, backup: Path, tmp_path: Path
    ) -> None:
        before = rows(settings)
        _to_revision(live_stores(BackupSettings(data_dir=backup)), "0007")
        manifest = json.loads((backup / "backup.json").read_text())
        kept = {name: KeptDatabase(**one) for name, one in manifest["databases"].items()}
        write_manifest(backup, manifest["taken_at"], kept)
        new = emptied(settings, tmp_path)
        restore(new, backup, print)
        assert rows(new) == before


def _to_revision(stores: Stores, revision: str) -> None:
    async def back() -> None:
        async with opened(stores.databases[-1]) as engine:
            await migrate(engine, stores.databases[-1].migrations, revision)

    asyncio.run(back())
