"""A real Alertmanager with the configuration of the repository, secrets included, in a hurry."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.stack.stack_programs import program

from stack.programs import Pace, Ports
from stack.programs.alertmanager import Alertmanager
from stack.programs.configuration import CONFIGURATION, Document, read, write
from stack.programs.receivers import Notification, Receivers
from stack.programs.running import running

SOURCE: Final = CONFIGURATION / "alertmanager"
SECRETS: Final = "/run/secrets/"
ROUTING_KEY: Final = "0123456789abcdef0123456789abcdef"


class World(Receivers):
    """Slack, PagerDuty and the dead man's switch, each a kind of its own."""

    def secrets(self) -> dict[str, str]:
        """The secrets that lead here."""
        return {
            "slack-webhook-url": f"{self.url}/slack/world",
            "pagerduty-routing-key": ROUTING_KEY,
            "dead-mans-switch-url": f"{self.url}/dead-mans-switch/world",
        }

    def wait_for_text(self, kind: str, text: str) -> Notification:
        """The first message of a kind that holds a text, once it has come."""
        return self.wait_for(lambda one: one.kind == kind and holds(one, text))

    def bodies(self, kind: str, text: str) -> list[dict[str, Any]]:
        """The messages of a kind that hold a text."""
        return [one.body for one in self.notifications() if one.kind == kind and holds(one, text)]

    def places(self, text: str) -> set[str]:
        """Where a text has come so far: a kind, or a channel of Slack."""
        return {
            f"slack {one.body['channel']}" if one.kind == "slack" else one.kind
            for one in self.notifications()
            if holds(one, text)
        }


def holds(notification: Notification, text: str) -> bool:
    return text in json.dumps(notification.body)


class HurriedAlertmanager(Alertmanager):
    """It waits for no more alerts of a group; alerts are posted to it and looked for in it."""

    def __init__(self, folder: Path, world: World, secrets: dict[str, str]) -> None:
        super().__init__(folder, Ports.free(), world.url, Pace())
        for name, value in secrets.items():
            (folder / name).write_text(value)
        self.document = _as_configured(folder)
        self.document["global"]["pagerduty_url"] = f"{world.url}/pagerduty/world"
        route = self.document["route"]
        for one in (route, *route["routes"]):
            one.update(group_wait="10ms", group_interval="200ms")

    def post(self, *alerts: dict[str, Any]) -> None:
        self.client.post("/api/v2/alerts", json=list(alerts)).raise_for_status()

    def state(self, **labels: str) -> str:
        """Active or suppressed, of the alert with just these labels."""
        (found,) = [alert for alert in self.alerts() if alert["labels"] == labels]
        return found["status"]["state"]

    def muted_by(self, **labels: str) -> list[str]:
        """The time intervals that keep the group of the alert with these labels quiet."""
        for group in self.client.get("/api/v2/alerts/groups").raise_for_status().json():
            for alert in group["alerts"]:
                if alert["labels"] == labels:
                    return alert["status"]["mutedBy"]
        return []


def _as_configured(folder: Path) -> Document:
    """The file of the repository, with its secrets in a folder of this machine."""
    document = read(SOURCE / "alertmanager.yml")
    document["templates"] = [str(SOURCE / pattern) for pattern in document["templates"]]
    return json.loads(json.dumps(document).replace(SECRETS, f"{folder}/"))


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
    change: Callable[[Document], None] = lambda document: None,
    secrets: dict[str, str] | None = None,
) -> Iterator[HurriedAlertmanager]:
    """One that runs, with its configuration changed, or with other secrets."""
    program("alertmanager")
    alertmanager = HurriedAlertmanager(folder, world, world.secrets() | (secrets or {}))
    change(alertmanager.document)
    write(alertmanager.config, alertmanager.document)
    with running(alertmanager):
        yield alertmanager
