"""The model registry: versions with their lineage in the object store, and which one serves."""

import asyncio
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from backends.ports import ObjectStore
from contracts.training import ModelVersion
from ml_engine.domain.errors import ModelNotFound

RECORD = "record.json"
SERVING = "serving"

KEPT_HISTORY = 20
"""How many versions that served are remembered, for rolling back."""


class ModelRegistry:
    """Keeps models under `models/<tenant>/<version>/`.

    A version's record is written last, so what has a record is whole. `models/<tenant>/serving`
    names the versions that served, the present one first: one small object, replaced at once.
    """

    def __init__(self, objects: ObjectStore, cache: Path) -> None:
        """Read through the folder `cache`, from which models are mapped into memory."""
        self._objects = objects
        self._cache = cache

    async def publish(self, folder: Path, record: ModelVersion) -> None:
        """Store the files of `folder` as a version. Storing it again changes nothing."""
        prefix = _prefix(record.tenant_id, record.model_version)
        for path in await asyncio.to_thread(_files, folder):
            content = await asyncio.to_thread(path.read_bytes)
            await self._objects.put(prefix + path.name, content)
        await self._objects.put(prefix + RECORD, record.model_dump_json().encode())

    async def promote(self, tenant_id: str, version: str) -> None:
        """Let a version serve. Raises `ModelNotFound`."""
        await self.record(tenant_id, version)
        history = await self.serving_history(tenant_id)
        if not history or history[0] != version:
            await self._put_history(tenant_id, [version, *history][:KEPT_HISTORY])

    async def retreat(self, tenant_id: str) -> None:
        """Let the version serve that served before the one that serves; there must be one."""
        history = await self.serving_history(tenant_id)
        await self._put_history(tenant_id, history[1:])

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
        try:
            return json.loads(await self._objects.get(f"models/{tenant_id}/{SERVING}"))
        except KeyError:
            return []

    async def serving_version(self, tenant_id: str) -> str | None:
        """The version that serves, None where none does."""
        return next(iter(await self.serving_history(tenant_id)), None)

    async def serving(self, tenant_id: str) -> ModelVersion:
        """The record of the version that serves. Raises `ModelNotFound` where none does."""
        version = await self.serving_version(tenant_id)
        if version is None:
            raise ModelNotFound(f"no model serves {tenant_id!r} yet")
        return await self._record(tenant_id, version, version)

    async def tenants(self) -> Sequence[str]:
        """The tenants that have a serving model."""
        keys = await self._objects.keys("models/")
        return [key.split("/")[1] for key in keys if key.endswith(f"/{SERVING}")]

    async def fetch(self, tenant_id: str, version: str) -> Path:
        """A local folder with the version's files."""
        folder = self._cache / tenant_id / version
        if folder.exists():
            return folder
        arriving = folder.with_name(f".{version}.arriving")
        shutil.rmtree(arriving, ignore_errors=True)
        arriving.mkdir(parents=True)
        prefix = _prefix(tenant_id, version)
        for key in await self._objects.keys(prefix):
            content = await self._objects.get(key)
            await asyncio.to_thread((arriving / key.removeprefix(prefix)).write_bytes, content)
        # The folder appears under its name only when it is whole.
        arriving.rename(folder)
        return folder

    async def _record(self, tenant_id: str, version: str, serving: str | None) -> ModelVersion:
        try:
            content = await self._objects.get(_prefix(tenant_id, version) + RECORD)
        except KeyError:
            raise ModelNotFound(f"there is no model {version!r}") from None
        record = ModelVersion.model_validate_json(content)
        return record.model_copy(update={"serving": serving == version})

    async def _put_history(self, tenant_id: str, versions: Sequence[str]) -> None:
        content = json.dumps(versions).encode()
        await self._objects.put(f"models/{tenant_id}/{SERVING}", content)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def _prefix(tenant_id: str, version: str) -> str:
    return f"models/{tenant_id}/{version}/"
