"""Senders of events by batches, by a file and by Kafka, who meet an outage in the midst."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

import httpx2
from tests.integration.data_pipeline.kafka_consumers import event, send
from tests.kafka_broker import KafkaBroker
from tests.real_processes import wait_for

TENANT: Final = "/v1/tenants/acme"
BATCH: Final = 5_000
FILE_ROWS: Final = 1_000_000
"""Four chunks."""

SECONDS_BETWEEN_SENDINGS: Final = 1.0

SECONDS_UNTIL_REFUSED: Final = 15.0
"""Three times as long as a locked database is waited for."""


class Source(ABC):
    """Sends `ids`, each of which must be stored once in the end."""

    settings: Mapping[str, str] = {}
    ids: list[str]
    check: str | None = None
    """The check of the service's health that fails while it cannot go on."""

    def __init__(self) -> None:
        self.ids = []

    @abstractmethod
    def start(self, client: httpx2.Client) -> None:
        """Send, until something is stored."""

    @abstractmethod
    def meet(self, client: httpx2.Client) -> str:
        """Go on, until the service says that it cannot; what it says."""

    @abstractmethod
    def go_on(self, client: httpx2.Client) -> None:
        """Wait until something more is stored."""

    @abstractmethod
    def finish(self, client: httpx2.Client) -> None:
        """Send the rest, and wait until all is stored."""

    def _told(self, client: httpx2.Client) -> str:
        """Wait for the check to fail; its message."""
        return wait_for(lambda: self._failure(client), bool) or ""

    def _failure(self, client: httpx2.Client) -> str | None:
        """The message of the check, None where it does not fail."""
        checks = client.get("/health").json()["checks"]
        (found,) = [one for one in checks if one["name"] == self.check]
        return found["message"] if found["status"] == "failed" else None


class Batches(Source):
    """A sender over HTTP, who sends again what was not accepted."""

    def start(self, client: httpx2.Client) -> None:
        self.go_on(client)

    def meet(self, client: httpx2.Client) -> str:
        while True:
            began = time.monotonic()
            answer = self._sent(client)
            if answer.status_code != 200:
                break
        assert time.monotonic() - began < SECONDS_UNTIL_REFUSED
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        return answer.json()["detail"]

    def go_on(self, client: httpx2.Client) -> None:
        wait_for(lambda: self._sent(client), lambda answer: answer.status_code == 200)

    def finish(self, client: httpx2.Client) -> None:
        self.go_on(client)

    def _sent(self, client: httpx2.Client) -> httpx2.Response:
        """The answer to the batch that was refused, or to the next one."""
        first = len(self.ids)
        batch = [made_event(number) for number in range(first, first + BATCH)]
        answer = client.post(f"{TENANT}/events", json={"events": batch})
        if answer.status_code == 200:
            # What was refused had left nothing that would be a duplicate now.
            assert (answer.json()["accepted"], answer.json()["duplicates"]) == (BATCH, 0)
            self.ids += [one["event_id"] for one in batch]
        return answer


class File(Source):
    """A file of some chunks."""

    check = "imports"

    def __init__(self, rows: int = FILE_ROWS) -> None:
        super().__init__()
        self.rows = rows

    def start(self, client: httpx2.Client) -> None:
        self.ids = [f"e{number}" for number in range(self.rows)]
        lines = (",".join(map(str, made_event(number).values())) for number in range(self.rows))
        content = "\n".join([",".join(made_event(0)), *lines]).encode()
        params = {"data_type": "events", "format": "csv"}
        answer = client.post(f"{TENANT}/imports", params=params, content=content)
        self._import_id = answer.raise_for_status().json()["import_id"]
        wait_for(lambda: self._job(client)["rows"], bool)

    def meet(self, client: httpx2.Client) -> str:
        message = self._told(client)
        job = self._job(client)
        assert (job["status"], job["error"]) == ("running", None)
        self._rows_met = job["rows"]
        assert self._rows_met < self.rows
        return message

    def go_on(self, client: httpx2.Client) -> None:
        wait_for(lambda: self._job(client)["rows"], lambda rows: rows > self._rows_met)

    def running(self, client: httpx2.Client) -> bool:
        """Whether it is on its way."""
        return self._job(client)["status"] == "running"

    def finish(self, client: httpx2.Client) -> None:
        job = wait_for(lambda: self._job(client), lambda job: job["status"] != "running")
        assert (job["status"], job["error"]) == ("completed", None)
        assert (job["rows"], job["accepted"]) == (self.rows, self.rows)

    def _job(self, client: httpx2.Client) -> dict[str, Any]:
        job = client.get(f"{TENANT}/imports/{self._import_id}").json()
        assert job["status"] != "failed", job["error"]
        return job


class Topic(Source):
    """A producer of messages."""

    check = "kafka"

    def __init__(self, broker: KafkaBroker, topic: str) -> None:
        super().__init__()
        broker.create_topic(topic)
        self.broker = broker
        self.settings = {
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "KAFKA_EVENTS_TOPIC": topic,
        }
        self._topic = topic

    def start(self, client: httpx2.Client) -> None:
        self._produce()
        self.go_on(client)

    def meet(self, client: httpx2.Client) -> str:
        if not self.broker.running:
            return self._told(client)
        told = None
        while told is None:
            # What is sent meanwhile waits, and would make the way back longer than it is.
            self._produce()
            deadline = time.monotonic() + SECONDS_BETWEEN_SENDINGS
            while told is None and time.monotonic() < deadline:
                told = self._failure(client)
        return told

    def go_on(self, client: httpx2.Client) -> None:
        wait_for(lambda: _loaded(client), lambda loaded: loaded >= len(self.ids))

    def finish(self, client: httpx2.Client) -> None:
        self._produce()
        self.go_on(client)

    def _produce(self) -> None:
        first = len(self.ids)
        ids = [f"e{number}" for number in range(first, first + BATCH)]
        send(self.broker, self._topic, [event(one) for one in ids])
        self.ids += ids


def _loaded(client: httpx2.Client) -> int:
    return client.get(f"{TENANT}/accounting").json()["totals"]["loaded"]


def made_event(number: int) -> dict[str, Any]:
    """The event of a number, as it is sent."""
    return {
        "event_id": f"e{number}",
        "user_id": f"u{number % 5_000}",
        "item_id": f"i{number % 1_000}",
        "event_type": "view",
        "timestamp": 1_700_000_000 + number // 10,
    }
