"""The one-off job that brings a service's database to a schema: `python -m <service>.migrate`.

Any number of them may run at once: they take turns, and those that come later find it done.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from backends.database import close_engine, open_engine
from backends.migrations import HEAD, Migrated, SchemaMismatch, migrate
from backends.ports import PortUnavailable

FAILED: Final = 1


def run_job(service: str, url: str, migrations: Path, arguments: Sequence[str] | None) -> None:
    """Migrate and say so on stdout; a failure is one line on stderr and status 1."""
    parser = argparse.ArgumentParser(prog=f"python -m {migrations.parent.name}.migrate")
    parser.add_argument(
        "--to", default=HEAD, metavar="REVISION", help="where to go, or back to, such as 0007"
    )
    target: str = parser.parse_args(arguments).to
    try:
        done = asyncio.run(_migrated(url, migrations, target))
    except (PortUnavailable, SchemaMismatch, SQLAlchemyError, CommandError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        sys.stderr.write(f"{service} cannot migrate: {reason}\n")
        raise SystemExit(FAILED) from None
    if done.before == done.after:
        sys.stdout.write(f"{service}: the schema is {done.after} already\n")
    else:
        sys.stdout.write(f"{service}: the schema was {done.before or 'none'}, is {done.after}\n")


async def _migrated(url: str, migrations: Path, target: str) -> Migrated:
    # A migration may take its time.
    engine = open_engine(url, 1, command_seconds=None)
    try:
        return await migrate(engine, migrations, target)
    finally:
        await close_engine(engine)
