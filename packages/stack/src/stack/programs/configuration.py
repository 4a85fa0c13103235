"""The repository's own configuration files, rendered for one machine."""

from pathlib import Path
from typing import Any, Final, cast

import yaml

CONFIGURATION: Final = Path(__file__).parents[5] / "observability"
"""The folder of the stack's configuration; the tools run from the repository."""

Document = dict[str, Any]


def read(path: Path) -> Document:
    """A YAML file that holds one mapping."""
    return cast("Document", yaml.safe_load(path.read_text()))


def write(path: Path, document: Document) -> Path:
    """Write a mapping as YAML; the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document, sort_keys=False, width=10_000))
    return path


def put(document: Document, keys: str, value: object) -> None:
    """Replace what is at `keys`, names parted by dots.

    Raises:
        KeyError: the file has no such place, so what was meant to be replaced would stay.
    """
    *path, last = keys.split(".")
    place = document
    for key in path:
        place = place[key]
    if last not in place:
        raise KeyError(f"the configuration has no {keys}")
    place[last] = value
