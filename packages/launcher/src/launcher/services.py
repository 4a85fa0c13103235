"""The three services as child processes of honcho, from the repository's Procfile."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from launcher.errors import LaunchError
from launcher.service_logs import SUPERVISOR, ServiceLogs

PROCFILE: Final = Path("Procfile")
STOP_SECONDS: Final = 12.0
"""honcho ends by force what has not ended 5 seconds after the first service did."""


class Services:
    """The running services; they stop together."""

    def __init__(self, honcho: Process, logs: ServiceLogs) -> None:
        self._honcho = honcho
        self._logs = logs
        self._family: list[psutil.Process] = []

    @classmethod
    async def start(cls, environment: Mapping[str, str], logs: ServiceLogs) -> "Services":
        """Start all three with `environment` on top of this process's own.

        Raises:
            LaunchError: this is not the repository's folder.
        """
        if not PROCFILE.is_file():
            raise LaunchError(f"there is no {PROCFILE} here: start from the repository's folder")
        logs.rotate()
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        # os.devnull: a .env file is for docker compose, and would go past the launcher here.
        command = ("-m", "honcho", "--env", os.devnull, "start", "--no-prefix", "--no-colour")
        with logs.path(SUPERVISOR).open("ab") as log:
            honcho = await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in a terminal must reach the launcher alone, which stops honcho in turn.
                start_new_session=True,
                env={**os.environ, **environment, "LOG_DIR": str(logs.folder), "PATH": programs},
            )
        return cls(honcho, logs)

    def remember_processes(self) -> None:
        """Note which processes there are, to find them again should honcho be killed."""
        with suppress(psutil.Error):
            self._family += psutil.Process(self._honcho.pid).children(recursive=True)

    async def ended(self) -> str:
        """Wait until the services end by themselves; a line that says which one, and why."""
        await self._honcho.wait()
        return self._logs.first_ended()

    async def stop(self) -> None:
        """Stop all three, by force where one does not go."""
        self.remember_processes()
        if self._honcho.returncode is None:
            self._honcho.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._honcho.wait()
        for process in self._family:
            with suppress(psutil.Error):
                process.kill()
        with suppress(ProcessLookupError):
            self._honcho.kill()
        await self._honcho.wait()
