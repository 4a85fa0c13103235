"""The model registry: versions with their lineage in the object store, and which one serves."""

import asyncio
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from backends.ports import ObjectStore
from contracts.training import ModelVersion
from ml_engine.domain.errors import ModelNotFound
from ml_engine.registry.ports import (
    WAYS_BACK,
    Mark,
    ServingChange,
    ServingStore,
    VersionMarks,
)

RECORD = "record.json"
ARRIVING = ".arriving-"
ABANDONED_SECONDS: Final = 3600.0
"""After this long a copy that has not become whole is what a killed process has left.

A whole one that nothing has read for so long is not kept on the disk for its own sake.
"""

KEPT_HISTORY = 20
"""How many versions that served are remembered, for rolling back."""


class ModelRegistry:
    """Keeps models under `models/<tenant>/<version>/`; `serving` says which of them serve.

    A version's record is written last, so what has a record is whole; it is there until it leaves.
    """

    def __init__(
        self, objects: ObjectStore, serving: ServingStore, marks: VersionMarks, cache: Path
    ) -> None:
        """Read through the folder `cache`, from which models are mapped into memory.

        Replicas may share the folder.
        """
        self._objects = objects
        self._serving = serving
        self._marks = marks
        self._cache = cache

    async def publish(self, folder: Path, record: ModelVersion) -> None:
        """Store the files of `folder` as a version. Storing it again changes nothing."""
        prefix = _prefix(record.tenant_id, record.model_version)
        for path in await asyncio.to_thread(_files, folder):
            content = await asyncio.to_thread(path.read_bytes)
            await self._objects.put(prefix + path.name, content)
        await self._objects.put(prefix + RECORD, record.model_dump_json().encode())

    async def promote(self, tenant_id: str, version: str) -> int:
        """Let a version serve; the sequence of the change. Raises `ModelNotFound`.

        Of several at once the last one wins, for all replicas.
        """
        while True:
            await self.record(tenant_id, version)
            history = await self.serving_history(tenant_id)
            others = history[1:] if history[:1] == [version] else history
            wanted = [version, *others][:KEPT_HISTORY]
            if sequence := await self._serving.replace(tenant_id, history, wanted):
                return sequence

    async def retreat(self, tenant_id: str, history: Sequence[str]) -> int:
        """Let the version serve that served before the first of `history`.

        The sequence of the change, 0 where another version serves by now.
        """
        return await self._serving.replace(tenant_id, history, history[1:])

    async def pin(self, tenant_id: str, version: str) -> ModelVersion:
        """Keep a version, however many newer ones there are. Raises `ModelNotFound`."""
        await self.record(tenant_id, version)
        await self._marks.pin(tenant_id, version)
        return await self.record(tenant_id, version)

    async def unpin(self, tenant_id: str, version: str) -> ModelVersion:
        """Keep a version no longer than others. Raises `ModelNotFound`."""
        await self._marks.unmark(tenant_id, version, Mark.PINNED)
        return await self.record(tenant_id, version)

    async def discard(self, tenant_id: str, version: str) -> None:
        """Remove a version that cannot serve, its record first: no part passes for whole.

        Whoever is killed in its midst discards it again.
        """
        prefix = _prefix(tenant_id, version)
        await self._objects.delete(prefix + RECORD)
        for key in await self._objects.keys(prefix):
            await self._objects.delete(key)
        await self._marks.unmark(tenant_id, version, Mark.LEAVING)

    async def record(self, tenant_id: str, version: str) -> ModelVersion:
        """A version's record. Raises `ModelNotFound`."""
        serving = await self.serving_version(tenant_id)
        return await self._record(tenant_id, version, serving, await self._marked(tenant_id))

    async def versions(
        self, tenant_id: str, limit: int, before: str | None = None
    ) -> list[ModelVersion]:
        """Up to `limit` of the tenant's versions, newest first, older than `before` if given."""
        marked = await self._marked(tenant_id)
        names = await self._names(tenant_id, marked)
        wanted = [name for name in names if before is None or name < before][:limit]
        serving = await self.serving_version(tenant_id)
        found: list[ModelVersion] = []
        for version in wanted:
            # One that leaves meanwhile is none of them.
            with suppress(ModelNotFound):
                found.append(await self._record(tenant_id, version, serving, marked))
        return found

    async def names(self, tenant_id: str) -> list[str]:
        """All of the tenant's versions by name, newest first."""
        return await self._names(tenant_id, await self._marked(tenant_id))

    async def serving_history(self, tenant_id: str) -> list[str]:
        """The versions that served, the one that serves first; none before the first."""
        return list(await self._serving.history(tenant_id))

    async def serving_version(self, tenant_id: str) -> str | None:
        """The version that serves, None where none does."""
        return next(iter(await self.serving_history(tenant_id)), None)

    async def serving_changes(self, after: int = 0) -> Sequence[ServingChange]:
        """Which version serves each tenant where that has changed after this sequence, in order."""
        return await self._serving.changes(after)

    async def fetch(self, tenant_id: str, version: str) -> Path:
        """A local folder with the version's files."""
        folder = self._cache / tenant_id / version
        with suppress(FileNotFoundError):
            os.utime(folder)
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(_sweep, folder.parent)
        arriving = Path(mkdtemp(prefix=ARRIVING, dir=folder.parent))
        try:
            await self._download(_prefix(tenant_id, version), arriving)
            # The folder appears under its name only when it is whole.
            await asyncio.to_thread(arriving.rename, folder)
        except OSError:
            # Another replica on this disk was quicker.
            if not folder.exists():
                raise
        finally:
            shutil.rmtree(arriving, ignore_errors=True)
        return folder

    async def drop_copies(self) -> None:
        """Remove local copies that nobody read of late, but of what serves or served just before.

        Models in memory stay whole: they hold their files open.
        """
        for folder in await asyncio.to_thread(_unread, self._cache):
            history = await self.serving_history(folder.parent.name)
            if folder.name not in history[:WAYS_BACK]:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _marked(self, tenant_id: str) -> dict[str, Mark]:
        return {one.version: one.mark for one in await self._marks.marked(tenant_id)}

    async def _names(self, tenant_id: str, marked: Mapping[str, Mark]) -> list[str]:
        keys = await self._objects.keys(f"models/{tenant_id}/")
        names = [key.split("/")[2] for key in keys if key.endswith(f"/{RECORD}")]
        return sorted((n for n in names if marked.get(n) is not Mark.LEAVING), reverse=True)

    async def _download(self, prefix: str, folder: Path) -> None:
        for key in await self._objects.keys(prefix):
            content = await self._objects.get(key)
            await asyncio.to_thread((folder / key.removeprefix(prefix)).write_bytes, content)

    async def _record(
        self, tenant_id: str, version: str, serving: str | None, marked: Mapping[str, Mark]
    ) -> ModelVersion:
        mark = marked.get(version)
        missing = ModelNotFound(f"there is no model {version!r}")
        if mark is Mark.LEAVING:
            raise missing
        try:
            content = await self._objects.get(_prefix(tenant_id, version) + RECORD)
        except KeyError:
            raise missing from None
        record = ModelVersion.model_validate_json(content)
        standing = {"serving": serving == version, "pinned": mark is Mark.PINNED}
        return record.model_copy(update=standing)


def _sweep(folder: Path) -> None:
    """Remove the copies that killed processes have begun in a folder."""
    for copy in folder.glob(f"{ARRIVING}*"):
        with suppress(FileNotFoundError):
            if time.time() - copy.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(copy, ignore_errors=True)


def _unread(cache: Path) -> list[Path]:
    """Folders of versions that nothing has read within ABANDONED_SECONDS."""
    unread: list[Path] = []
    for folder in cache.glob("*/[!.]*"):
        with suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
                unread.append(folder)
    return unread


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def _prefix(tenant_id: str, version: str) -> str:
    return f"models/{tenant_id}/{version}/"
