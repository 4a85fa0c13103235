"""Where things are kept unless the environment says otherwise: files under the data folder."""

from pathlib import Path


def sqlite_url(data_dir: Path, service: str) -> str:
    """The URL of a service's own SQLite database."""
    return f"sqlite+aiosqlite:///{(data_dir / service / service).resolve()}.db"


def objects_url(data_dir: Path) -> str:
    """The URL of the object store that data-pipeline and ml-engine share."""
    return (data_dir / "objects").resolve().as_uri()


def features_path(data_dir: Path) -> Path:
    """The feature store that data-pipeline writes and ml-engine reads."""
    return data_dir.resolve() / "features" / "features.db"
