"""The model registry: versions with their lineage in the object store, and which one serves."""

import asyncio
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from backends.ports import ObjectStore
from contracts.training import ModelVersion
from ml_engine.domain.errors import ModelNotFound
from ml_engine.registry.ports import ServingChange, ServingStore

RECORD = "record.json"
ARRIVING = ".arriving-"
ABANDONED_SECONDS: Final = 3600.0
"""After this long a copy that has not become whole is what a killed process has left."""

KEPT_HISTORY = 20
"""How many versions that served are remembered, for rolling back."""


class ModelRegistry:
    """Keeps models under `models/<tenant>/<version>/`; `serving` says which of them serve.

    A version's record is written last, so what has a record is whole.
    """

    def __init__(self, objects: ObjectStore, serving: ServingStore, cache: Path) -> None:
        """Read through the folder `cache`, from which models are mapped into memory.

        Replicas may share the folder.
        """
        self._objects = objects
        self._serving = serving
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
        await self.record(tenant_id, version)
        while True:
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

    async def discard(self, tenant_id: str, version: str) -> None:
        """Remove a version that never served, its record first: no part passes for whole."""
        prefix = _prefix(tenant_id, version)
        await self._objects.delete(prefix + RECORD)
        for key in await self._objects.keys(prefix):
            await self._objects.delete(key)

    async def record(self, tenant_id: str, version: str) -> ModelVersion:
        """A version's record. Raises `ModelNotFound`."""
        return await self._record(tenant_id, version, await self.serving_version(tenant_id))

    async def versions(
        self, tenant_id: str, limit: int, before: str | None = None
    ) -> list[ModelVersion]:
        """Up to `limit` of the tenant's versions, newest first, older than `before` if given."""
        keys = await self._objects.keys(f"models/{tenant_id}/")
        names = sorted((k.split("/")[2] for k in keys if k.endswith(f"/{RECORD}")), reverse=True)
        wanted = [name for name in names if before is None or name < before][:limit]
        serving = await self.serving_version(tenant_id)
        return [await self._record(tenant_id, version, serving) for version in wanted]

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
        if folder.exists():
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

    async def _download(self, prefix: str, folder: Path) -> None:
        for key in await self._objects.keys(prefix):
            content = await self._objects.get(key)
            await asyncio.to_thread((folder / key.removeprefix(prefix)).write_bytes, content)

    async def _record(self, tenant_id: str, version: str, serving: str | None) -> ModelVersion:
        try:
            content = await self._objects.get(_prefix(tenant_id, version) + RECORD)
        except KeyError:
            raise ModelNotFound(f"there is no model {version!r}") from None
        record = ModelVersion.model_validate_json(content)
        return record.model_copy(update={"serving": serving == version})


def _sweep(folder: Path) -> None:
    """Remove the copies that killed processes have begun in a folder."""
    for copy in folder.glob(f"{ARRIVING}*"):
        with suppress(FileNotFoundError):
            if time.time() - copy.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(copy, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def _prefix(tenant_id: str, version: str) -> str:
    return f"models/{tenant_id}/{version}/"
