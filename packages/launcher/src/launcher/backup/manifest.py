"""The manifest of a backup, and whether the backup is as the manifest says."""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from launcher.errors import LaunchError
from launcher.whole_files import replace_file

NAME: Final = "backup.json"
_SHOWN: Final = 5


class KeptFile(BaseModel):
    """A file of the backup, as it was written."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str


class KeptDatabase(BaseModel):
    """The revision of a database, and how many rows each of its tables has."""

    model_config = ConfigDict(frozen=True)

    revision: str
    rows: Mapping[str, int]


class Manifest(BaseModel):
    """What a backup consists of; the files by their path in it."""

    model_config = ConfigDict(frozen=True)

    taken_at: datetime
    databases: Mapping[str, KeptDatabase]
    files: Mapping[str, KeptFile]

    @property
    def bytes(self) -> int:
        """What all files have together."""
        return sum(file.bytes for file in self.files.values())


def write_manifest(
    folder: Path, taken_at: datetime, databases: Mapping[str, KeptDatabase]
) -> Manifest:
    """Describe what is in the folder; the last thing that is written there."""
    manifest = Manifest(taken_at=taken_at, databases=databases, files=_files(folder))
    replace_file(folder / NAME, manifest.model_dump_json(indent=2).encode())
    return manifest


def verified(folder: Path) -> Manifest:
    """The manifest of a backup, once every file was read and is as it says.

    Raises:
        LaunchError: there is no whole backup, or something is missing, changed or too much.
    """
    try:
        manifest = Manifest.model_validate_json((folder / NAME).read_bytes())
    except FileNotFoundError:
        raise LaunchError(f"there is no whole backup at {folder}: it has no {NAME}") from None
    except ValidationError:
        raise LaunchError(f"{folder / NAME} is damaged, or of another release") from None
    found = _files(folder)
    names = sorted({*found, *manifest.files})
    damaged = [name for name in names if found.get(name) != manifest.files.get(name)]
    if damaged:
        raise LaunchError(f"the backup at {folder} is damaged: {_named(damaged)}")
    return manifest


def require_whole_log(folder: Path, data_pipeline: Path) -> None:
    """See that each object that the event log names is there.

    Raises:
        LaunchError: one was swept before it was copied.
    """
    location = f"file:{quote(str(data_pipeline.resolve()))}?immutable=1"
    query = "SELECT object_key FROM event_chunks WHERE object_key IS NOT NULL"
    with closing(sqlite3.connect(location, uri=True)) as connection:
        named = [str(key) for (key,) in connection.execute(query)]
    missing = [key for key in named if not (folder / "objects" / key).is_file()]
    if missing:
        raise LaunchError(
            f"objects of the event log went before they were copied, try again: {_named(missing)}"
        )


def _files(folder: Path) -> Mapping[str, KeptFile]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): _described(path) for path in paths if path.name != NAME}


def _described(path: Path) -> KeptFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return KeptFile(bytes=path.stat().st_size, sha256=digest.hexdigest())


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
