"""How a backup is made, and how everything is made from a backup."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import make_url

from backends.embedded.feature_file import only_writer, remove_features
from backends.locations import sqlite_url
from backends.migrations import migrate
from backends.scaled.redis_features.whole import forget_features
from data_pipeline.adapters.import_spool import UPLOADS
from data_pipeline.adapters.tables import stream_positions
from launcher.backup import databases
from launcher.backup.manifest import (
    KeptDatabase,
    Manifest,
    require_whole_log,
    verified,
    write_manifest,
)
from launcher.backup.objects import copy_objects, has_objects, remove_others
from launcher.backup.settings import BackupSettings
from launcher.backup.stores import Database, Derived, Stores, derived, kept_stores, live_stores
from launcher.demo.state import read_state, write_state
from launcher.errors import LaunchError

Tell = Callable[[str], None]


def save(settings: BackupSettings, folder: Path, tell: Tell) -> Manifest:
    """Keep everything in a folder that is not there yet; the services may run meanwhile.

    Raises:
        LaunchError: it cannot be done; then there is no such folder.
        PortUnavailable: a store cannot be used; neither.
    """
    if folder.exists():
        raise LaunchError(f"{folder} is there already: a backup has a folder of its own")
    folder.parent.mkdir(parents=True, exist_ok=True)
    taken_at = datetime.now(UTC)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        kept = asyncio.run(_saved(live_stores(settings), part, tell))
        _copy_demo(settings.data_dir, part)
        manifest = write_manifest(part, taken_at, kept)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return manifest


def restore(
    settings: BackupSettings,
    folder: Path,
    tell: Tell,
    *,
    replacing: bool = False,
    new_kafka: bool = False,
) -> Manifest:
    """Let the stores of the services, which must be stopped, have what a backup has.

    The backup may be of an older release. What is derived is removed, for data-pipeline to make it
    anew. A new Kafka is read from its beginning, not from where the lost one was read to.

    Raises:
        LaunchError: the backup is not whole, a service runs, or there are data and `replacing` is
            not said; no data were changed then.
        PortUnavailable: a store cannot be used. What is there is not whole; restore again.
    """
    manifest = verified(folder)
    live, kept = live_stores(settings), kept_stores(folder)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore.", dir=settings.data_dir) as work:
        asyncio.run(_require_restorable(live, None if replacing else Path(work) / "new"))
        copies = _copied(kept.databases, Path(work))
        _remove_derived(derived(settings))
        _copy_demo(folder, settings.data_dir)
        asyncio.run(_restored(kept.objects, copies, live, Path(work), tell))
        if new_kafka:
            asyncio.run(databases.remove_rows(live.databases[-1], stream_positions))
    return manifest


async def _saved(live: Stores, part: Path, tell: Tell) -> Mapping[str, KeptDatabase]:
    kept = kept_stores(part)
    described: dict[str, KeptDatabase] = {}
    # An uploaded file goes when its import is done, which the copy of the import may not be.
    await copy_objects(live.objects, kept.objects, part, UPLOADS)
    for source, target in zip(live.databases, kept.databases, strict=True):
        revision = await databases.require_schema(source)
        await _migrate(target)
        rows = await databases.copy_rows(source, target)
        described[source.service] = KeptDatabase(revision=revision, rows=rows)
        tell(f"{source.service}: {sum(rows.values())} rows")
    # After the databases: an object is written before a row names it, and swept long after.
    tell(f"objects: {await copy_objects(live.objects, kept.objects, part)}")
    require_whole_log(part, _file(kept.databases[-1]))
    return described


async def _restored(
    objects: str, copies: Sequence[Database], live: Stores, work: Path, tell: Tell
) -> None:
    await remove_others(objects, live.objects)
    tell(f"objects: {await copy_objects(objects, live.objects, work)}")
    for source, target in zip(copies, live.databases, strict=True):
        # An older release may have made the backup, or the database.
        await _migrate(source)
        await _migrate(target)
        rows = await databases.copy_rows(source, target)
        tell(f"{source.service}: {sum(rows.values())} rows")


async def _require_restorable(live: Stores, work: Path | None) -> None:
    """Raise `LaunchError` where services run, or, with a folder to work in, where there are data.

    There are data where there is more than a new installation has.
    """
    for database in live.databases:
        if await databases.is_in_use(database):
            raise LaunchError(
                f"the database of {database.service} is in use: stop the services first"
            )
    if work is None:
        return
    if await has_objects(live.objects):
        raise LaunchError(f"there are objects at {live.objects}: say --replace to lose them")
    for database in live.databases:
        new = replace(database, url=sqlite_url(work, database.service))
        await _migrate(new)
        await _migrate(database)
        usual, found = await databases.count_rows(new), await databases.count_rows(database)
        filled = [name for name, rows in found.items() if rows > usual[name]]
        if filled:
            raise LaunchError(
                f"the database of {database.service} has data ({', '.join(filled)}): "
                "say --replace to lose them"
            )


def _copied(kept: Sequence[Database], work: Path) -> Sequence[Database]:
    """Copies of the kept databases: they may have to be migrated."""
    copies: list[Database] = []
    for database in kept:
        copy = replace(database, url=sqlite_url(work, database.service))
        _file(copy).parent.mkdir()
        shutil.copy2(_file(database), _file(copy))
        copies.append(copy)
    return copies


def _copy_demo(source: Path, target: Path) -> None:
    """What `make run` has noted: else it would load its sample once more."""
    state = read_state(source)
    if state is not None:
        write_state(target, state)


def _remove_derived(things: Derived) -> None:
    shutil.rmtree(things.seen_ids, ignore_errors=True)
    if things.redis_url is not None:
        forget_features(things.redis_url)
        return
    with only_writer(things.features):
        remove_features(things.features)


async def _migrate(database: Database) -> None:
    async with databases.opened(database) as engine:
        await migrate(engine, database.migrations)


def _file(database: Database) -> Path:
    name = make_url(database.url).database
    assert name is not None  # noqa: S101 - kept databases are files
    return Path(name)
