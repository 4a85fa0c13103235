"""A real Redis for tests: a process of its own on a free loopback port."""

import shutil
import subprocess
from pathlib import Path

import anyio
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from tests.real_processes import free_port


class RedisServer:
    """redis-server without persistence, which can be ended and started again."""

    def __init__(self, folder: Path) -> None:
        executable = shutil.which("redis-server")
        if executable is None:
            pytest.skip("needs redis-server on PATH (Debian package redis-server)")
        self._executable = executable
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        process = self._launch()
        client = Redis.from_url(self.url)
        with anyio.fail_after(20):
            while True:
                try:
                    await client.ping()
                    break
                except RedisError:
                    assert process.poll() is None, "redis-server ended"
                    await anyio.sleep(0.02)
        await client.aclose()

    def _launch(self) -> subprocess.Popen[bytes]:
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self._folder),
            "save": "",
            "appendonly": "no",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [self._executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return self._process

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
