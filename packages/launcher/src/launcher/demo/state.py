"""What the demo notes on disk, so that a later start goes on from there."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from launcher.whole_files import replace_file


class DemoState(BaseModel):
    """Written once the sample is loaded, and again with the training job that followed."""

    model_config = ConfigDict(frozen=True)

    sample: str
    items: int
    events: int
    known_user: str
    job_id: str | None = None


def _path(data_dir: Path) -> Path:
    return data_dir / "demo.json"


def read_state(data_dir: Path) -> DemoState | None:
    """What is noted; None where nothing is, or nothing that can be read."""
    try:
        return DemoState.model_validate_json(_path(data_dir).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def write_state(data_dir: Path, state: DemoState) -> None:
    """Note it, whole."""
    replace_file(_path(data_dir), state.model_dump_json(indent=2).encode())
