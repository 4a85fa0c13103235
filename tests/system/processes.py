"""The three services as real processes on loopback, each to be stopped and brought back."""

import os
import secrets
import signal
import string
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
from tests.e2e.launched import ROOT, SERVICES, free_ports

READY_SECONDS: Final = 60.0
_ALPHABET: Final = string.ascii_letters + string.digits


class System:
    """Three services over one data folder, and an operator's key to them."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        self.operator_key = f"rk_{_random(12)}_{_random(43)}"
        self.ports = dict(zip(SERVICES, free_ports(3), strict=True))
        self._environment = {
            **os.environ,
            "DATA_DIR": str(folder / "data"),
            "SERVICE_TOKEN": secrets.token_hex(16),
            "ADMIN_API_KEY": self.operator_key,
            "LOG_FORMAT": "json",
            "ML_ENGINE_URL": self.url("ml-engine"),
            "DATA_PIPELINE_URL": self.url("data-pipeline"),
            **settings,
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def url(self, service: str) -> str:
        """Where a service answers."""
        return f"http://127.0.0.1:{self.ports[service]}"

    def log(self, service: str) -> str:
        """What a service has written so far, over all its starts."""
        return self._log_file(service).read_text()

    def start(self, *services: str) -> None:
        """Start services and wait until they are ready."""
        for service in services:
            with self._log_file(service).open("ab") as log:
                self.processes[service] = subprocess.Popen(
                    [sys.executable, "-m", f"{service.replace('-', '_')}.main"],
                    cwd=ROOT,
                    env={**self._environment, "PORT": str(self.ports[service])},
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                )
        for service in services:
            self._wait_until_ready(service)

    def signal(self, service: str, number: signal.Signals) -> None:
        """Send a signal to a service that this system started."""
        self.processes[service].send_signal(number)

    def kill(self, service: str) -> None:
        """End a service at once, without a word."""
        self.processes[service].kill()
        self.processes[service].wait()

    def stop(self) -> None:
        """End all of them, by force where one does not go."""
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def recsys(self, *arguments: str) -> str:
        """What the command line prints."""
        command = [str(Path(sys.executable).with_name("recsys")), *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def operator(self) -> httpx2.Client:
        """A client with the operator's key."""
        return self.client(self.operator_key)

    def client(self, key: str) -> httpx2.Client:
        """A client of the public API with this key."""
        headers = {"authorization": f"Bearer {key}"}
        return httpx2.Client(base_url=self.url("backend-api"), headers=headers, timeout=60)

    def new_tenant(self, tenant_id: str, *scopes: str, **settings: Any) -> str:
        """Create a tenant; a key of it with all scopes, or those given."""
        with self.operator() as operator:
            tenant = {"tenant_id": tenant_id, **settings}
            made = operator.post("/api/v1/admin/tenants", json=tenant)
            assert made.status_code == 201, made.text
            wanted = {"scopes": list(scopes) or ["read", "write", "admin"]}
            key = operator.post(f"/api/v1/admin/tenants/{tenant_id}/keys", json=wanted)
            assert key.status_code == 201, key.text
        return key.json()["key"]

    def _log_file(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def _wait_until_ready(self, service: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            assert self.processes[service].poll() is None, self.log(service)
            try:
                if httpx2.get(f"{self.url(service)}/health/ready").status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{service} is not ready:\n{self.log(service)}")


@contextmanager
def running_system(folder: Path, **settings: str) -> Generator[System]:
    """All three services, ended with the block; `settings` go into their environment."""
    system = System(folder, settings)
    try:
        system.start(*reversed(SERVICES))
        yield system
    finally:
        system.stop()


def wait_for_training(client: httpx2.Client, patience_seconds: float = 120.0) -> dict[str, Any]:
    """Train a model and wait for it; the job as it ended."""
    started = client.post("/api/v1/training-jobs", json={})
    assert started.status_code == 202, started.text
    job: dict[str, Any] = started.json()
    deadline = time.monotonic() + patience_seconds
    while job["status"] in ("queued", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
        job = client.get(f"/api/v1/training-jobs/{job['job_id']}").json()
    assert job["status"] == "completed", job
    return job


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
