"""A launcher running for real, on free ports of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx2
import psutil
from tests.real_processes import free_ports, wait_for

from contracts.snapshots import SnapshotManifest
from recommender_client import Recommender
from recommender_client.models import ServedRecommendations

ROOT = Path(__file__).parents[2]
LAUNCHER = (sys.executable, "-m", "launcher")
READY = "Ctrl-C stops all three."
PATIENCE_SECONDS = 240.0
SERVICES = ("backend-api", "ml-engine", "data-pipeline")
SMALL_WORLD = {
    "SAMPLE": "simulator",
    "SIMULATOR_USERS": "200",
    "SIMULATOR_ITEMS": "120",
    "SIMULATOR_EVENTS": "4000",
}


class Machine:
    """One data folder and three ports, on which launchers run one after the other."""

    def __init__(self, data_dir: Path, settings: dict[str, str]) -> None:
        self.data_dir = data_dir
        self.ports = dict(zip(SERVICES, free_ports(3), strict=True))
        variables = {f"{name.upper().replace('-', '_')}_PORT": p for name, p in self.ports.items()}
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "DATASET_DIR"},
            **{name: str(port) for name, port in variables.items()},
            "DATA_DIR": str(data_dir),
            **settings,
        }
        self._launches: list[Launch] = []

    def launch(self, *command: str) -> "Launch":
        """Start a launcher, by `command` where one is given; it becomes the running one."""
        self._launches.append(Launch(self, command or LAUNCHER))
        return self.running

    @property
    def running(self) -> "Launch":
        """The launcher that was started last."""
        return self._launches[-1]

    def clean_up(self) -> None:
        """Leave nothing running."""
        for launch in self._launches:
            launch.clean_up()

    def run_to_its_end(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a launcher that is expected to give up."""
        return subprocess.run(
            LAUNCHER,
            cwd=ROOT,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )

    def url(self, service: str) -> str:
        """Where a service answers."""
        return f"http://127.0.0.1:{self.ports[service]}"

    def access(self) -> dict[str, str]:
        """The variables of demo.env."""
        lines = (self.data_dir / "demo.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def service_token(self) -> str:
        """The token between the services."""
        return (self.data_dir / "service-token").read_text().strip()

    def client(self) -> Recommender:
        """A client with the demo key."""
        return Recommender(self.url("backend-api"), self.access()["DEMO_API_KEY"], timeout=30)

    def for_user(self, user_id: str) -> ServedRecommendations:
        """What is recommended to a user."""
        with self.client() as client:
            return client.recommendations.for_user(user_id)

    def for_history(self, *item_ids: str) -> ServedRecommendations:
        """What is recommended for a session."""
        with self.client() as client:
            return client.recommendations.for_history(item_ids)

    def snapshot(self) -> SnapshotManifest:
        """A training snapshot of now: what is stored, counted."""
        headers = {"Authorization": f"Bearer {self.service_token()}"}
        url = f"{self.url('data-pipeline')}/v1/tenants/demo/snapshots"
        answer = httpx2.post(url, headers=headers, timeout=30)
        assert answer.is_success, answer.text
        return SnapshotManifest.model_validate_json(answer.content)


class Launch:
    """One run of the launcher and what it wrote."""

    def __init__(self, machine: Machine, command: Sequence[str]) -> None:
        self._machine = machine
        self._log = (machine.data_dir.parent / f"{machine.data_dir.name}.out").open("w+")
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=machine.environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            # As in a terminal: Ctrl-C reaches make and the launcher at once.
            start_new_session=True,
        )

    def output(self) -> str:
        """What was printed so far."""
        return Path(self._log.name).read_text()

    def wait_for(self, text: str, patience_seconds: float = PATIENCE_SECONDS) -> float:
        """Wait until `text` is printed; the seconds since the start."""

        def printed() -> str:
            ended = self._process.poll() is not None
            output = self.output()
            assert text in output or not ended, output
            return output

        wait_for(printed, lambda output: text in output, patience_seconds)
        return time.monotonic() - self._started

    def processes(self) -> list[psutil.Process]:
        """The launcher's descendants."""
        return psutil.Process(self._process.pid).children(recursive=True)

    def process_of(self, service: str) -> psutil.Process:
        """The process of one service."""
        module = f"{service.replace('-', '_')}.main"
        found = [one for one in self.processes() if one.cmdline()[1:] == ["-m", module]]
        assert len(found) == 1, found
        return found[0]

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal as a terminal does, and wait for the end; the status."""
        os.killpg(self._process.pid, number)
        return self.wait_for_the_end()

    def wait_for_the_end(self) -> int:
        """Wait until the launcher ends; its status."""
        status = self._process.wait(timeout=PATIENCE_SECONDS)
        self._log.flush()
        return status

    def clean_up(self) -> None:
        """Leave nothing behind, however the test went."""
        if self._process.poll() is None:
            family = self.processes()
            self._process.terminate()
            self._process.wait(timeout=60)
            for one in family:
                if one.is_running():
                    one.kill()
        self._log.close()
