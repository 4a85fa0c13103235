"""Files that appear whole or not at all, and secrets that only their owner reads."""

import os
import tempfile
from pathlib import Path

OWNER_ONLY = 0o600
READABLE = 0o644


def replace_file(path: Path, content: bytes, mode: int = READABLE) -> None:
    """Write `content` beside `path`, then move it there in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    replace_file(path, text.encode(), OWNER_ONLY)
