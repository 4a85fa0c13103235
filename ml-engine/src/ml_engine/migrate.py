"""Brings the schema of the database up to date: `python -m ml_engine.migrate`.

On SQLite the service does it by itself when it starts.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from backends.migration_job import run_job
from instrumentation.settings import load_settings_or_exit
from ml_engine.settings import DatabaseSettings

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def main(arguments: Sequence[str] | None = None) -> None:
    """Migrate to the newest schema, or to another one. A bad setting is one line and status 2."""
    settings = load_settings_or_exit(DatabaseSettings, "the migration of ml-engine")
    run_job("ml-engine", settings.database(), MIGRATIONS, arguments)


if __name__ == "__main__":
    main()
