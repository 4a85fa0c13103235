"""A real Alertmanager with the configuration of the repository, and a stand-in for the world."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx2
import yaml
from tests.real_processes import free_port, wait_for
from tests.stack.stack_programs import program

SOURCE: Final = Path(__file__).parents[2] / "observability" / "alertmanager"
SECRETS: Final = "/run/secrets"
ROUTING_KEY: Final = "0123456789abcdef0123456789abcdef"

Config = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """What one receiver got: slack, pagerduty or dead-mans-switch, and the JSON sent to it."""

    receiver: str
    body: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.receiver}: {json.dumps(self.body)}"


class World:
    """Slack, PagerDuty and the dead man's switch on one loopback port."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        messages = self.messages

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                messages.append(Message(self.path.strip("/"), json.loads(body)))
                # PagerDuty accepts, where the others say that all is well.
                self.send_response(202 if self.path == "/pagerduty" else 200)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as inherited
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def wait_for(self, receiver: str, text: str) -> Message:
        """The first message to a receiver that holds a text, once it has come."""
        (found, *_) = wait_for(lambda: self.messages_with(receiver, text), bool, 20)
        return found

    def messages_with(self, receiver: str, text: str) -> list[Message]:
        return [one for one in self.messages if one.receiver == receiver and text in str(one)]


class Alertmanager:
    """One that runs; alerts are posted to it and looked for in it by its API."""

    def __init__(self, url: str) -> None:
        self.client = httpx2.Client(base_url=url, timeout=20, trust_env=False)

    def post(self, *alerts: dict[str, Any]) -> None:
        self.client.post("/api/v2/alerts", json=list(alerts)).raise_for_status()

    def state(self, **labels: str) -> str:
        """Active or suppressed, of the alert with just these labels."""
        (found,) = [
            alert
            for alert in self.client.get("/api/v2/alerts").raise_for_status().json()
            if alert["labels"] == labels
        ]
        return found["status"]["state"]

    def muted_by(self, **labels: str) -> list[str]:
        """The time intervals that keep the group of the alert with these labels quiet."""
        for group in self.client.get("/api/v2/alerts/groups").raise_for_status().json():
            for alert in group["alerts"]:
                if alert["labels"] == labels:
                    return alert["status"]["mutedBy"]
        return []


def alert(summary: str = "It is 7", **labels: str) -> dict[str, Any]:
    """An alert as Prometheus sends it."""
    return {
        "labels": labels,
        "annotations": {
            "summary": summary,
            "description": "Answers are missing.",
            "dashboard_url": "/d/api-performance",
            "runbook_url": "docs/runbooks/high-error-rate.md",
        },
        "generatorURL": "http://7c1f:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    }


@contextmanager
def running_alertmanager(
    folder: Path,
    world: World,
    change: Callable[[Config], None] = lambda config: None,
    secrets: dict[str, str] | None = None,
) -> Iterator[Alertmanager]:
    """Alertmanager in a hurry: it waits for no more alerts of a group, and asks the world given."""
    given = {
        "slack-webhook-url": f"{world.url}/slack",
        "pagerduty-routing-key": ROUTING_KEY,
        "dead-mans-switch-url": f"{world.url}/dead-mans-switch",
        **(secrets or {}),
    }
    for name, value in given.items():
        (folder / name).write_text(value)
    config = yaml.safe_load((SOURCE / "alertmanager.yml").read_text().replace(SECRETS, str(folder)))
    config["global"]["pagerduty_url"] = f"{world.url}/pagerduty"
    config["templates"] = [f"{SOURCE}/{pattern}" for pattern in config["templates"]]
    for route in (config["route"], *config["route"]["routes"]):
        route.update(group_wait="10ms", group_interval="200ms")
    change(config)
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        program("alertmanager"),
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--cluster.listen-address=",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    alertmanager = Alertmanager(url)
    try:
        wait_for(lambda: is_ready(alertmanager, process, folder / "log"), bool)
        yield alertmanager
    finally:
        alertmanager.client.close()
        process.terminate()
        process.wait(20)


def is_ready(alertmanager: Alertmanager, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return alertmanager.client.get("/-/ready").is_success
    except httpx2.TransportError:
        return False
