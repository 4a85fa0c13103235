"""A real Redis for tests: a process of its own on a free loopback port."""

import shutil
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from redis import Redis
from redis.exceptions import RedisError
from tests.real_processes import free_port

PATIENCE_SECONDS = 20


class RedisServer:
    """redis-server, which can be ended and started again; `keeps` what it has on disk, or not."""

    def __init__(self, folder: Path, *, keeps: bool = False) -> None:
        executable = shutil.which("redis-server")
        if executable is None:
            pytest.skip("needs redis-server on PATH (Debian package redis-server)")
        self._executable = executable
        self._folder = folder
        self._keeps = keeps
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        await anyio.to_thread.run_sync(self.start_at_once)

    def start_at_once(self) -> None:
        process = self._launch()
        with Redis.from_url(self.url) as client:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not _answers(client):
                assert process.poll() is None, "redis-server ended"
                assert time.monotonic() < deadline, "redis-server does not answer"
                time.sleep(0.02)

    def empty(self) -> None:
        """Remove everything."""
        with Redis.from_url(self.url) as client:
            client.flushall()

    def _launch(self) -> subprocess.Popen[bytes]:
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self._folder),
            "save": "",
            "appendonly": "yes" if self._keeps else "no",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [self._executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return self._process

    @contextmanager
    def hanging(self) -> Generator[None]:
        """It answers nothing, and no connection ends."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _answers(client: Redis) -> bool:
    try:
        return client.ping()
    except RedisError:
        return False
