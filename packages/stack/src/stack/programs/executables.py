"""Where the stack's programs lie: in the folder STACK_BIN names, or on the PATH."""

import os
import shutil
from typing import Final

_DEBIAN: Final = {
    "prometheus-node-exporter": "install Debian's prometheus-node-exporter",
    "prometheus-redis-exporter": "install Debian's prometheus-redis-exporter",
}
_RELEASED: Final = "put its program on the PATH, or in the folder that STACK_BIN names"


class ProgramMissing(Exception):
    """A program of the stack is not here; the message is one line: which, and how to get it."""


def find(name: str) -> str | None:
    """The path of a program; None where there is none."""
    folder = os.environ.get("STACK_BIN")
    return (shutil.which(name, path=folder) if folder else None) or shutil.which(name)


def need(name: str) -> str:
    """The path of a program.

    Raises:
        ProgramMissing: there is none.
    """
    found = find(name)
    if found is None:
        raise ProgramMissing(f"{name} is missing: {_DEBIAN.get(name, _RELEASED)}")
    return found
