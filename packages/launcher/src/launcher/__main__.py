"""Starts everything on this machine: `python -m launcher`, from the repository's folder."""

import asyncio
import sys

from instrumentation.settings import SettingsError, load_settings
from launcher.errors import LaunchError
from launcher.launch import launch
from launcher.reporting import reporter_for
from launcher.settings import LaunchSettings


def main() -> int:
    """Status 0 after SIGINT or SIGTERM, 1 where something went wrong, 2 for a bad setting."""
    try:
        asyncio.run(launch(load_settings(LaunchSettings), reporter_for()))
    except SettingsError as error:
        sys.stderr.write(f"cannot start: {error}\n")
        return 2
    except LaunchError as error:
        sys.stderr.write(f"cannot go on: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
