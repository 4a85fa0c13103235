"""Manifests of training snapshots, which can be read without Arrow.

`snapshots/{tenant}/{id}/` holds `events.parquet`, `items.parquet` and, written last,
`manifest.json`: a snapshot with a manifest is whole.
"""

import json
from typing import Final

from pydantic import ValidationError

from backends.ports import ObjectStore
from contracts.snapshots import SnapshotManifest

FORMAT_VERSION: Final = 3

_FILES: Final = ("manifest.json", "items.parquet", "events.parquet")


class SnapshotDamaged(Exception):
    """A snapshot is not what its manifest says; the message names the file and the fault."""


def snapshot_keys(tenant_id: str, snapshot_id: str) -> list[str]:
    """The keys of a snapshot's objects, that of the manifest first."""
    return [f"snapshots/{tenant_id}/{snapshot_id}/{name}" for name in _FILES]


def manifest_key(tenant_id: str, snapshot_id: str) -> str:
    """The key of a snapshot's manifest."""
    return snapshot_keys(tenant_id, snapshot_id)[0]


class SnapshotManifests:
    """Tells which snapshots there are."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def read_manifest(self, tenant_id: str, snapshot_id: str) -> SnapshotManifest:
        """The manifest of a snapshot.

        Raises:
            KeyError: there is no such snapshot.
            SnapshotDamaged: the manifest is unreadable or of another format version.
            PortUnavailable: the object store does not answer.
        """
        key = manifest_key(tenant_id, snapshot_id)
        return _decode_manifest(key, await self._objects.get(key))


def _decode_manifest(key: str, content: bytes) -> SnapshotManifest:
    try:
        version = json.loads(content)["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotDamaged(f"{key} is no manifest: {error}") from error
    if version != FORMAT_VERSION:
        raise SnapshotDamaged(
            f"{key} has format version {version}; this code reads version {FORMAT_VERSION}: "
            "make the snapshot again"
        )
    try:
        return SnapshotManifest.model_validate_json(content)
    except ValidationError as error:
        raise SnapshotDamaged(f"{key} is no manifest: {error.errors()[0]['msg']}") from error
