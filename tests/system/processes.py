"""The three services as real processes on loopback, each to be stopped and brought back."""

import os
import secrets
import signal
import string
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx2
from tests.e2e.launched import ROOT, SERVICES
from tests.real_processes import free_ports, wait_until_ready

from launcher.sample.simulator import SimulatorSettings, simulate
from recommender_client import Operator, Recommender
from recommender_client.models import Scope, TrainingJob

_ALPHABET: Final = string.ascii_letters + string.digits


Command = Callable[[str], Sequence[str]]


def service_command(service: str) -> Sequence[str]:
    """What starts a service."""
    return [sys.executable, "-m", f"{service.replace('-', '_')}.main"]


class System:
    """Three services over one data folder, and an operator's key to them."""

    def __init__(self, folder: Path, settings: dict[str, str], command: Command) -> None:
        self.folder = folder
        self._command = command
        self.operator_key = f"rk_{_random(12)}_{_random(43)}"
        self.service_token = secrets.token_hex(16)
        self.ports = dict(zip(SERVICES, free_ports(3), strict=True))
        self._environment = {
            **os.environ,
            "DATA_DIR": str(folder / "data"),
            "SERVICE_TOKEN": self.service_token,
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
                    self._command(service),
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

    def operator(self) -> Operator:
        """A client with the operator's key."""
        return Operator(self.url("backend-api"), self.operator_key, timeout=60)

    def recommender(self, key: str) -> Recommender:
        """A client of a tenant with this key."""
        return Recommender(self.url("backend-api"), key, timeout=60)

    def client(self, key: str) -> httpx2.Client:
        """Raw HTTP with this key, where the answer itself is what matters."""
        headers = {"authorization": f"Bearer {key}"}
        return httpx2.Client(base_url=self.url("backend-api"), headers=headers, timeout=60)

    def new_tenant(self, tenant_id: str, *, plan_id: str = "standard") -> str:
        """Create a tenant; a key of it with all scopes."""
        with self.operator() as operator:
            operator.tenants.create(tenant_id, plan_id=plan_id)
            created = operator.keys.create(tenant_id, scopes=list(Scope))
        assert created.key is not None
        return created.key

    def _log_file(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def _wait_until_ready(self, service: str) -> None:
        process = self.processes[service]
        with httpx2.Client(base_url=self.url(service)) as client:
            wait_until_ready(client, lambda: process.poll() is None, lambda: self.log(service))


@contextmanager
def running_system(
    folder: Path, *, command: Command = service_command, **settings: str
) -> Generator[System]:
    """All three services, ended with the block; `settings` go into their environment."""
    system = System(folder, settings, command)
    try:
        system.start(*reversed(SERVICES))
        yield system
    finally:
        system.stop()


def stocked_shop(system: System) -> str:
    """Create a tenant of hundreds of users and items, with a model that serves; a key of it."""
    key = system.new_tenant("shop", plan_id="enterprise")
    sample = simulate(SimulatorSettings(users=300, items=400, events=6_000))
    with system.recommender(key) as client:
        assert client.items.send(sample.items).rejected == []
        assert client.events.send(sample.events).rejected == []
        trained(client)
    return key


def trained(client: Recommender) -> TrainingJob:
    """Train a model and wait for it; the job as it ended."""
    job = client.training.start()
    return client.training.wait(job.job_id, timeout_seconds=120, poll_seconds=0.1)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
