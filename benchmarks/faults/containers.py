"""The containers of the composed system: killed, and brought back."""

import json
import subprocess
import time
from collections.abc import Sequence
from typing import Final

HEALTHY: Final = ("healthy", "running")
HEALTHY_SECONDS: Final = 300.0
POLL_SECONDS: Final = 0.2


def containers_of(service: str) -> Sequence[str]:
    """The ids of a service's running containers."""
    found = _told("docker", "compose", "ps", "--quiet", "--status", "running", service).split()
    if not found:
        raise SystemExit(f"{service} does not run: start it with docker compose up --wait")
    return found


def kill(containers: Sequence[str]) -> None:
    """End them at once; Docker does not bring back by itself what was killed so."""
    if containers:
        _told("docker", "kill", *containers)


def start(containers: Sequence[str]) -> None:
    """Bring them back, with their volumes."""
    if containers:
        _told("docker", "start", *containers)


def wait_until_healthy(containers: Sequence[str]) -> None:
    """Until all say that they are healthy, or run and have no check of their own.

    Ends the program where that takes longer than HEALTHY_SECONDS.
    """
    give_up = time.monotonic() + HEALTHY_SECONDS
    while containers and not _are_healthy(containers):
        if time.monotonic() > give_up:
            raise SystemExit(f"not healthy after {HEALTHY_SECONDS:.0f} seconds: {containers}")
        time.sleep(POLL_SECONDS)


def _are_healthy(containers: Sequence[str]) -> bool:
    states = [one["State"] for one in json.loads(_told("docker", "inspect", *containers))]
    told = [state.get("Health", {}).get("Status", state["Status"]) for state in states]
    return all(one in HEALTHY for one in told)


def _told(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
