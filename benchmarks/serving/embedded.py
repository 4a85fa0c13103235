"""The embedded services, started for a benchmark on ports and in a folder of their own."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
from tests.e2e.launched import LAUNCHER, READY, SERVICES
from tests.real_processes import free_ports, wait_for


@dataclass(frozen=True, slots=True)
class Embedded:
    """Running services: the API's port, all ports, the demo key, and each service's process."""

    port: int
    ports: dict[str, int]
    key: str
    processes: dict[str, psutil.Process]


@contextmanager
def embedded(data_dir: Path, **settings: str) -> Generator[Embedded]:
    """Run `python -m launcher`; the sample is as `settings` and those in the environment say."""
    ports: dict[str, int] = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
    variables = {f"{n.upper().replace('-', '_')}_PORT": str(p) for n, p in ports.items()}
    environment = {**os.environ, **variables, **settings, "DATA_DIR": str(data_dir)}
    with subprocess.Popen(LAUNCHER, env=environment, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        for line in launcher.stdout:
            print(line, end="", file=sys.stderr)
            if READY in line:
                break
        # What it still says must be read, or the launcher ends by a broken pipe.
        reading = threading.Thread(target=launcher.stdout.read, daemon=True)
        reading.start()
        try:
            lines = (data_dir / "demo.env").read_text().splitlines()
            demo = {name: value for name, _, value in (line.partition("=") for line in lines)}
            services = Embedded(
                ports["backend-api"], ports, demo["DEMO_API_KEY"], _processes(launcher.pid)
            )
            _put_on_plan_without_limits(services, demo["DEMO_TENANT"], environment)
            yield services
        finally:
            launcher.send_signal(signal.SIGTERM)
            launcher.wait()
            reading.join()


def _put_on_plan_without_limits(
    services: Embedded, tenant: str, environment: Mapping[str, str]
) -> None:
    recsys = str(Path(sys.executable).with_name("recsys"))
    command = [recsys, "tenant", "set-plan", tenant, "enterprise"]
    subprocess.run(command, env=environment, check=True, stdout=sys.stderr)
    url = f"http://127.0.0.1:{services.port}/api/v1/tenant"
    headers = {"authorization": f"Bearer {services.key}"}
    # What the service knows of a key is up to five seconds old.
    wait_for(
        lambda: httpx2.get(url, headers=headers).headers,
        lambda answered: "ratelimit-policy" not in answered,
    )


def _processes(launcher: int) -> dict[str, psutil.Process]:
    found: dict[str, psutil.Process] = {}
    for process in psutil.Process(launcher).children(recursive=True):
        command = process.cmdline()
        for name in SERVICES:
            if f"{name.replace('-', '_')}.main" in command:
                found[name] = process
    return found
