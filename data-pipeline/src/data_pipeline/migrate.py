"""Brings the schema of the database up to date: `python -m data_pipeline.migrate`.

On SQLite the service does it by itself when it starts.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from backends.migration_job import run_job
from data_pipeline.settings import DatabaseSettings
from instrumentation.settings import load_settings_or_exit

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def main(arguments: Sequence[str] | None = None) -> None:
    """Migrate to the newest schema, or to another one. A bad setting is one line and status 2."""
    settings = load_settings_or_exit(DatabaseSettings, "the migration of data-pipeline")
    run_job("data-pipeline", settings.database(), MIGRATIONS, arguments)


if __name__ == "__main__":
    main()
