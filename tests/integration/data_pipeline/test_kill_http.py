"""kill -9 at random moments while batches come: what was acknowledged is there, once."""

import json
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any, NamedTuple

import httpx2
import pytest
from tests.integration.data_pipeline.kill_series import KillSeries
from tests.integration.data_pipeline.killed_pipeline import KilledPipeline
from tests.integration.data_pipeline.taken_in import (
    Expected,
    check_at_rest,
    check_taken_in,
    merged_and_indexed,
    pages,
    wait_for_features,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

SENDERS = 4
WINDOW_SECONDS = 1.5
ENOUGH_EVENTS = 80_000
"""For the ids to be written and for small chunks to be merged."""

TENANT = "/v1/tenants/acme"


class Batch(NamedTuple):
    """Records, of which some are faulty, some twice, and some those of another batch."""

    records: Sequence[dict[str, Any]]
    faulty: Sequence[int]
    lines: bool

    @property
    def event_ids(self) -> set[str]:
        """The ids of its sound events."""
        faulty = set(self.faulty)
        return {one["event_id"] for n, one in enumerate(self.records) if n not in faulty}

    def content(self) -> tuple[bytes, str]:
        """The body, and its type."""
        if self.lines:
            return b"".join(json.dumps(one).encode() + b"\n" for one in self.records), (
                "application/x-ndjson"
            )
        return json.dumps({"events": self.records}).encode(), "application/json"


def event(event_id: str) -> dict[str, Any]:
    number = sum(event_id.encode())
    return {
        "event_id": event_id,
        "user_id": f"u{number % 97}",
        "item_id": f"i{number % 1_009}",
        "event_type": "view",
        "timestamp": 1_700_000_000 + number,
    }


def make_batch(random: Random, sender: int, number: int) -> Batch:
    """The batch with this number; each has one faulty record at least."""
    rows = random.choice((1, 1, 5, 20, 300, 1_500))
    records = [event(f"{sender}-{number}-{n}") for n in range(rows)]
    for _ in range(rows // 5):
        # Events of other senders too, which may be on their way at this moment.
        other, earlier = random.randrange(SENDERS), random.randint(max(0, number - 3), number)
        records.append(event(f"{other}-{earlier}-0"))
    records += random.choices(records, k=rows // 10)
    random.shuffle(records)
    faulty = sorted(random.sample(range(len(records) + 1), k=min(len(records), 3)))
    for n, place in enumerate(faulty):
        records.insert(place, {"event_id": f"bad-{sender}-{number}-{n}", "user_id": "u1"})
    return Batch(records, faulty, random.random() < 0.5)


class Sender:
    """Sends one batch after the other, each until it is acknowledged."""

    def __init__(self, client: httpx2.Client, number: int, random: Random) -> None:
        self.acknowledged: list[Batch] = []
        self.tries: list[int] = []
        self._client = client
        self._number = number
        self._random = random

    def send_until(self, enough: Callable[[], bool]) -> None:
        while not enough():
            batch = make_batch(self._random, self._number, len(self.acknowledged))
            self.tries.append(1)
            while not self._sent(batch):
                self.tries[-1] += 1
                time.sleep(0.02)  # the server is away
            self.acknowledged.append(batch)

    def _sent(self, batch: Batch) -> bool:
        content, media_type = batch.content()
        headers = {"content-type": media_type}
        try:
            answer = self._client.post(f"{TENANT}/events", content=content, headers=headers)
        except httpx2.TransportError:
            return False
        assert answer.status_code == 200, answer.text
        result = answer.json()
        assert [one["index"] for one in result["rejected"]] == batch.faulty
        counted = result["accepted"] + result["duplicates"] + len(batch.faulty)
        assert counted == len(batch.records)
        return True


def times_stored(client: httpx2.Client) -> Counter[str]:
    """How often each faulty record is in quarantine."""
    records = [one["quarantine_id"] for one in pages(client, f"{TENANT}/quarantine")]
    shown = (client.get(f"{TENANT}/quarantine/{one}").json()["raw"] for one in records)
    return Counter(json.loads(raw)["event_id"] for raw in shown)


def expected_of(senders: Sequence[Sender], stored: Counter[str]) -> Expected:
    """What must be there of all batches.

    One that was stored without the answer coming through was sent again: so its records were
    received as often as its faulty ones are in quarantine.
    """
    received, event_ids, quarantined = 0, set[str](), Counter[tuple[str, int]]()
    for number, sender in enumerate(senders):
        for place, (batch, tries) in enumerate(zip(sender.acknowledged, sender.tries, strict=True)):
            times = {stored.pop(f"bad-{number}-{place}-{n}") for n in range(len(batch.faulty))}
            assert len(times) == 1
            (often,) = times
            assert 1 <= often <= tries
            received += often * len(batch.records)
            event_ids |= batch.event_ids
            quarantined.update({("", index): often for index in batch.faulty})
    assert not stored
    return Expected(received, event_ids, quarantined)


@pytest.fixture
def pipeline(tmp_path: Path) -> Generator[KilledPipeline]:
    pipeline = KilledPipeline(tmp_path)
    yield pipeline
    pipeline.close()


def test_batches_are_there_once_whenever_the_service_is_killed(pipeline: KilledPipeline) -> None:
    series = KillSeries("http", pipeline)
    client, finished = pipeline.client(), Event()
    senders = [Sender(client, n, Random(series.random.random())) for n in range(SENDERS)]

    def enough() -> bool:
        sent = sum(len(batch.records) for one in senders for batch in list(one.acknowledged))
        return finished.is_set() and sent >= ENOUGH_EVENTS

    threads = [Thread(target=one.send_until, args=[enough]) for one in senders]
    for thread in threads:
        thread.start()
    series.run(WINDOW_SECONDS)
    series.start()
    finished.set()
    for thread in threads:
        thread.join()
    series.kill()
    with pipeline.running():
        expected = expected_of(senders, times_stored(client))
        duplicates = check_taken_in(client, "acme", expected)
        wait_for_features(client)
    client.close()
    check_at_rest(pipeline)
    again = sum(tries - 1 for one in senders for tries in one.tries)
    series.report(
        events=expected.received,
        loaded=len(expected.event_ids),
        duplicates=duplicates,
        quarantined=expected.quarantined.total(),
        tries_again=again,
        **merged_and_indexed(pipeline),
    )
