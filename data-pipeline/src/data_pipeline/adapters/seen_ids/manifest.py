"""The manifest: which runs an index has, and up to where in the log it is current."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson

from data_pipeline.adapters.seen_ids.runs import NEW, RunEntry, write_file

FORMAT: Final = 1
NAME: Final = "manifest.json"


class DamagedManifest(Exception):
    """The manifest cannot be read, or is of another format."""


def write_manifest(folder: Path, sequence: int, removal: int, runs: Sequence[RunEntry]) -> None:
    """Replace the manifest as a whole."""
    content = {"format": FORMAT, "sequence": sequence, "removal": removal, "runs": runs}
    write_file(folder / NAME, orjson.dumps(content))


def read_manifest(folder: Path) -> tuple[int, int, Sequence[RunEntry]]:
    """The two positions and the runs. Raises `DamagedManifest`, `FileNotFoundError`."""
    try:
        content = orjson.loads((folder / NAME).read_bytes())
        if content["format"] != FORMAT:
            raise DamagedManifest(f"format {content['format']}")
        runs = [RunEntry(**entry) for entry in content["runs"]]
        return int(content["sequence"]), int(content["removal"]), runs
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedManifest(str(error)) from error


def remove_others(folder: Path, runs: Sequence[RunEntry]) -> None:
    """Remove the files of no run: what a kill between two steps has left."""
    numbers = {str(run.number) for run in runs}
    for path in folder.iterdir():
        if path.name != NAME and (path.stem not in numbers or path.suffix == NEW):
            path.unlink()
