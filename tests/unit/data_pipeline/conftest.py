"""What these tests share."""

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from tests.conformance.event_logs import LogFiles


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes | str], Path]:
    """Writes a file; its path."""

    def to_file(content: bytes | str) -> Path:
        path = tmp_path / "file"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return to_file


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without records, to be copied."""
    folder = tmp_path_factory.mktemp("template")

    async def make() -> None:
        files = LogFiles(folder)
        await files.migrate()
        await files.close()
        await files.engine.dispose()

    anyio.run(make)
    return folder / "events.db"
