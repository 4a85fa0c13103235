"""The services that `docker compose` runs on this machine, each of their replicas."""

import json
import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from recommender_client import Operator, Recommender

ROOT: Final = Path(__file__).parents[2]
SERVICES: Final = ("backend-api", "ml-engine", "data-pipeline")
_TIMEOUT_SECONDS: Final = 60
_HOW: Final = "see README.md, With Docker"


class ComposedSystem(ExitStack):
    """At least two replicas of each service; skips the test where they do not run.

    The clients that it makes are open as long as the block.
    """

    def __init__(self) -> None:
        super().__init__()
        self.urls = {service: _replicas(service) for service in SERVICES}
        for service, urls in self.urls.items():
            if len(urls) < 2:
                pytest.skip(f"needs two replicas of {service} in containers: {_HOW}")
        self._operator_key = os.environ.get("ADMIN_API_KEY", "")
        if not self._operator_key:
            pytest.skip("needs the operator's key of the composed system in ADMIN_API_KEY")

    def operator(self) -> Operator:
        """A client with the operator's key."""
        url = self.urls["backend-api"][0]
        return Operator(url, self._operator_key, timeout=_TIMEOUT_SECONDS)

    def recommenders(self, key: str) -> list[Recommender]:
        """A client of a tenant with this key, for each replica."""
        return [
            self.enter_context(Recommender(url, key, timeout=_TIMEOUT_SECONDS))
            for url in self.urls["backend-api"]
        ]

    def clients(self, key: str) -> list[httpx2.Client]:
        """Raw HTTP with this key, for each replica: what is refused is not asked again."""
        headers = {"authorization": f"Bearer {key}"}
        return [
            self.enter_context(
                httpx2.Client(base_url=url, headers=headers, timeout=_TIMEOUT_SECONDS)
            )
            for url in self.urls["backend-api"]
        ]

    def counted(self, service: str, name: str, **labels: str) -> list[float]:
        """What each replica has as a metric, over all of its series with these labels."""
        return [_sum(url, name, labels) for url in self.urls[service]]

    def queried(self, query: str) -> float | None:
        """What Prometheus answers with one value; None where it has none yet."""
        asked = {"query": query}
        answer = httpx2.get("http://127.0.0.1:9090/api/v1/query", params=asked)
        result = answer.raise_for_status().json()["data"]["result"]
        return float(result[0]["value"][1]) if result else None


def _replicas(service: str) -> list[str]:
    if shutil.which("docker") is None:
        pytest.skip("needs docker on PATH")
    command = ["docker", "compose", "ps", "--format", "json", service]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if told.returncode != 0:
        pytest.skip(f"needs docker compose and its daemon: {told.stderr.strip()}")
    ports = {
        published["PublishedPort"]
        for line in told.stdout.splitlines()
        for published in json.loads(line)["Publishers"]
        if published["PublishedPort"]
    }
    return [f"http://127.0.0.1:{port}" for port in sorted(ports)]


def _sum(url: str, name: str, labels: dict[str, str]) -> float:
    text = httpx2.get(f"{url}/metrics", timeout=_TIMEOUT_SECONDS).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
