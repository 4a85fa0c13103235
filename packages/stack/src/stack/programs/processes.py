"""One program of the stack as a process: started, waited for, killed, started again."""

import os
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx2

from stack.programs.ports import local

_READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0
_INTERVAL_SECONDS: Final = 0.05
_SHOWN: Final = 2000


class ProgramFailed(Exception):
    """A program ended by itself or did not become ready; the message ends with its last lines."""


class Program(ABC):
    """A program that listens on loopback and says by HTTP when it is ready.

    Its output goes to `<name>.log` in its folder, over all its starts.
    """

    def __init__(self, name: str, folder: Path, port: int, ready_path: str) -> None:
        self.name = name
        self.folder = folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.url = f"http://{local(port)}"
        self.client = httpx2.Client(base_url=self.url, timeout=60, trust_env=False)
        self._ready_url = f"{self.url}{ready_path}"
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The command that starts the program."""

    def environment(self) -> Mapping[str, str]:
        """The variables set for the program beside those of this process."""
        return {}

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def address(self) -> str:
        """Host and port, as Prometheus names a target."""
        return self.url.removeprefix("http://")

    def log(self) -> str:
        """What the program has written so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def launch(self) -> None:
        """Start the process, without waiting for it.

        A process group of its own keeps the terminal's Ctrl-C from it: whoever started it ends it.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment()},
                process_group=0,
            )

    def wait_until_ready(self) -> None:
        """Wait until the program takes requests.

        Raises:
            ProgramFailed: it ended, or takes longer than a minute.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            if not self.running:
                raise ProgramFailed(f"{self.name} has ended:\n{self.log()[-_SHOWN:]}")
            if self.is_ready():
                return
            if time.monotonic() > deadline:
                raise ProgramFailed(f"{self.name} is not ready:\n{self.log()[-_SHOWN:]}")
            time.sleep(_INTERVAL_SECONDS)

    def is_ready(self) -> bool:
        """Whether the program answers that it is ready."""
        try:
            return httpx2.get(self._ready_url, timeout=5, trust_env=False).is_success
        except httpx2.TransportError:
            return False

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        self.launch()
        self.wait_until_ready()

    def kill(self) -> None:
        """End the process at once, without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """End the process, where it runs, and start it again over the same data and ports."""
        self.stop()
        self.start()

    def request_stop(self) -> None:
        """Ask the process to end, without waiting for it."""
        if self._process is not None and self.running:
            self._process.terminate()

    def stop(self) -> None:
        """End the process, by force where it does not go."""
        self.request_stop()
        if self._process is None:
            return
        try:
            self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def close(self) -> None:
        """End the process, and ask it nothing more."""
        self.stop()
        self.client.close()
