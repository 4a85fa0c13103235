"""`python -m launcher.backup save FOLDER`, `restore FOLDER` and `verify FOLDER`."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from backends.migrations import SchemaMismatch
from backends.ports import PortUnavailable
from instrumentation.settings import SettingsError, load_settings
from launcher.backup.manifest import Manifest, verified
from launcher.backup.settings import BackupSettings
from launcher.backup.work import restore, save
from launcher.errors import LaunchError


def main(arguments: Sequence[str] | None = None) -> int:
    """Status 0, 1 where it cannot be done, 2 for a bad setting; each with one line."""
    chosen = _parser().parse_args(arguments)
    began = time.monotonic()
    try:
        manifest = _done(chosen)
    except SettingsError as error:
        return _failed(error, 2)
    except (LaunchError, PortUnavailable, SchemaMismatch, SQLAlchemyError, OSError) as error:
        return _failed(error, 1)
    _tell(
        f"{chosen.done}: the backup of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC, "
        f"{len(manifest.files)} files, {manifest.bytes} bytes, "
        f"{time.monotonic() - began:.1f} s"
    )
    return 0


def _done(chosen: argparse.Namespace) -> Manifest:
    settings, folder = load_settings(BackupSettings), Path(chosen.folder)
    if chosen.command == "save":
        return save(settings, folder, _tell)
    if chosen.command == "restore":
        options = {"replacing": chosen.replace, "new_kafka": chosen.new_kafka}
        return restore(settings, folder, _tell, **options)
    return verified(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m launcher.backup", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, done, purpose in (
        ("save", "saved", "keep everything in a new folder, while the services run"),
        ("restore", "restored", "bring everything back, while the services are stopped"),
        ("verify", "whole", "read a backup and compare every hash"),
    ):
        command = commands.add_parser(name, help=purpose)
        command.set_defaults(done=done)
        command.add_argument("folder", help="the folder of the backup")
        if name == "restore":
            command.add_argument(
                "--replace", action="store_true", help="though there are data, which are lost"
            )
            command.add_argument(
                "--new-kafka",
                action="store_true",
                help="read topics from their beginning",
            )
    return parser


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _failed(error: Exception, status: int) -> int:
    reason = " ".join(str(getattr(error, "orig", None) or error).split())
    sys.stderr.write(f"the backup stopped: {reason}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
