"""data-pipeline as a process that is killed and started again, on one port and one folder."""

import faulthandler
import linecache
import multiprocessing
import os
import re
import signal
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

import httpx2
from tests.integration.data_pipeline.real_server import TOKEN
from tests.real_processes import PATIENCE_SECONDS, free_port, wait_until_ready

from data_pipeline.main import main

_DUMP_SECONDS: Final = 0.5
_FRAME: Final = re.compile(r'  File "(.*)", line (\d+) in (.*)')

# Its processes begin with everything imported: a start takes half a second rather than many.
_FORKING: Final = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload([main.__module__])


class KilledPipeline:
    """One folder and one port; one process at a time."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.data_dir = folder / "data"
        self.settings = {
            "DATA_DIR": str(self.data_dir),
            "PORT": str(free_port()),
            "SERVICE_TOKEN": TOKEN,
            "LOG_LEVEL": "WARNING",
            **(settings or {}),
        }
        self._log_file = folder / "pipeline.log"
        self._log_file.touch()
        self._process: ForkServerProcess | None = None

    @property
    def pid(self) -> int:
        """The process that was started last."""
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process, and do not wait for it."""
        environment = {**os.environ, **self.settings}
        self._process = _FORKING.Process(target=_serve, args=(environment, str(self._log_file)))
        self._process.start()

    def wait_until_ready(self) -> None:
        """Wait until it takes requests. Raises `AssertionError` where it ends instead."""
        assert self._process is not None
        with self.client() as client:
            wait_until_ready(client, self._process.is_alive, self.log, PATIENCE_SECONDS)

    def kill(self) -> list[str]:
        """End the process by SIGKILL; what its threads were doing a moment before."""
        assert self._process is not None
        assert self._process.is_alive(), self.log()
        before = self._log_file.stat().st_size
        os.kill(self.pid, signal.SIGUSR1)
        deadline = time.monotonic() + _DUMP_SECONDS
        while "(most recent call first)" not in (dump := self._log_from(before)):
            if time.monotonic() > deadline:
                break
        self._process.kill()
        self._process.join()
        return _busy(dump) or ["(waiting or starting)"]

    def stop(self) -> None:
        """Let the process end by itself."""
        assert self._process is not None
        self._process.terminate()
        self._process.join(PATIENCE_SECONDS)
        # Having closed everything the server hands the signal on.
        assert self._process.exitcode in (0, -signal.SIGTERM), self.log()

    @contextmanager
    def running(self) -> Generator[httpx2.Client]:
        """A process that is ready, and ends by itself after the block."""
        self.start()
        self.wait_until_ready()
        with self.client() as client:
            yield client
        self.stop()

    def close(self) -> None:
        """Leave nothing that runs."""
        if self._process is not None:
            self._process.kill()
            self._process.join()

    def client(self) -> httpx2.Client:
        """A client of whatever process there is."""
        return httpx2.Client(
            base_url=f"http://127.0.0.1:{self.settings['PORT']}",
            headers={"authorization": f"Bearer {TOKEN}"},
            timeout=60,
            trust_env=False,
        )

    def log(self) -> str:
        """What all the processes have written."""
        return self._log_file.read_text(errors="replace")[-20_000:]

    def _log_from(self, place: int) -> str:
        with self._log_file.open("rb") as file:
            file.seek(place)
            return file.read().decode(errors="replace")


def _serve(environment: Mapping[str, str], log_file: str) -> None:
    log = os.open(log_file, os.O_WRONLY | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    faulthandler.register(signal.SIGUSR1, file=log)
    # The server that forked this has the environment of the first test that needed it.
    os.environ.clear()
    os.environ.update(environment)
    main()


def _busy(dump: str) -> list[str]:
    """The functions that threads were in, as faulthandler shows them, without those that wait."""
    found: list[str] = []
    for thread in dump.split("(most recent call first):")[1:]:
        frames = _FRAME.findall(thread)
        if not frames or _waits(*frames[0]):
            continue
        own = [frame for frame in frames if "/src/" in frame[0]]
        path, _, function = (own or frames)[0]
        found.append(f"{Path(path).stem}.{function}")
    return found


def _waits(path: str, line: str, function: str) -> bool:
    if Path(path).name in ("threading.py", "thread.py", "runners.py"):
        return True
    return function == "_connection_worker_thread" and ".get" in linecache.getline(path, int(line))
