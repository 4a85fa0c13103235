"""More than the service can take: it says so, its memory stays flat, and others get on."""

import asyncio
import json
import re
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from threading import Event, Thread

import httpx2
import pytest
from tests.integration.data_pipeline.killed_pipeline import KilledPipeline
from tests.integration.data_pipeline.real_server import TOKEN
from tests.integration.data_pipeline.sources import TENANT, File, made_event
from tests.integration.data_pipeline.stored_events import stored_event_ids
from tests.integration.data_pipeline.taken_in import books

pytestmark = [pytest.mark.slow, pytest.mark.measuring, pytest.mark.timeout(300)]

SENDERS = 150
"""Far more than the 32 batches of one tenant that are in work at once."""

BATCH = 5_000
FLOOD_BYTES = 320 * 1024 * 1024
"""What the batches in work may add to the memory: 64 MiB of them, as objects and as columns."""

LARGE_FILE_ROWS = 4_000_000
"""So many that its import takes some seconds: some live events come meanwhile."""

FILE_BYTES = 320 * 1024 * 1024
"""What a file may add, however large: two chunks of 250,000 rows on their way."""

STALL_SECONDS = 7
"""Longer than servers keep an idle connection by default."""

STALLED = json.dumps({"events": [made_event(number) for number in range(9_000)]}).encode()
PIECE = 100_000

_ANONYMOUS = re.compile(r"^RssAnon:\s+(\d+) kB$", re.MULTILINE)


@pytest.fixture
def pipeline(tmp_path: Path) -> Generator[KilledPipeline]:
    pipeline = KilledPipeline(tmp_path)
    pipeline.start()
    pipeline.wait_until_ready()
    yield pipeline
    pipeline.close()


class Memory:
    """The most memory of its own that a process had, and had at first, in bytes."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self.first = self.peak = self._now()
        self._over = Event()

    @property
    def added(self) -> int:
        return self.peak - self.first

    @contextmanager
    def sampled(self) -> Generator["Memory"]:
        thread = Thread(target=self._sample)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()

    def _sample(self) -> None:
        while not self._over.wait(0.01):
            self.peak = max(self.peak, self._now())

    def _now(self) -> int:
        (kilobytes,) = _ANONYMOUS.findall(self._status.read_text())
        return int(kilobytes) * 1024


def test_a_flood_of_batches_is_refused_in_part_and_nothing_accepted_is_lost(
    pipeline: KilledPipeline,
) -> None:
    with Memory(pipeline.pid).sampled() as memory:
        refused = asyncio.run(flood(pipeline))
    rows = SENDERS * BATCH
    added = memory.added >> 20
    print(f"\n{rows} events, {refused} times too many batches, {added} MiB more")  # noqa: T201
    assert refused >= SENDERS // 2
    assert memory.added < FLOOD_BYTES
    assert stored_event_ids(pipeline.data_dir) == sorted(f"e{number}" for number in range(rows))
    with pipeline.client() as client:
        assert books(client, "acme")["loaded"] == rows


async def flood(pipeline: KilledPipeline) -> int:
    """Send all batches at once, again and again what was refused; how often that was."""
    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{pipeline.settings['PORT']}",
        headers={"authorization": f"Bearer {TOKEN}"},
        limits=httpx2.Limits(max_connections=None),
        timeout=120,
        trust_env=False,
    ) as client:
        return sum(await asyncio.gather(*(send(client, one) for one in range(SENDERS))))


async def send(client: httpx2.AsyncClient, sender: int) -> int:
    """Send a batch until it is accepted; how often it was refused."""
    numbers = range(sender * BATCH, (sender + 1) * BATCH)
    body = json.dumps({"events": [made_event(number) for number in numbers]}).encode()
    refused = 0
    while True:
        answer = await client.post(f"{TENANT}/events", content=body)
        if answer.status_code == 200:
            assert answer.json()["accepted"] == BATCH
            return refused
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_batches")
        refused += 1
        await asyncio.sleep(int(answer.headers["retry-after"]))


def test_what_happens_now_is_seen_within_a_second_while_a_large_file_comes_in(
    pipeline: KilledPipeline,
) -> None:
    file, seconds = File(LARGE_FILE_ROWS), list[float]()
    with pipeline.client() as client, Memory(pipeline.pid).sampled() as memory:
        file.start(client)
        began = time.monotonic()
        while file.running(client):
            seconds.append(seconds_until_seen(client, f"live{len(seconds)}"))
        took = time.monotonic() - began
        file.finish(client)
        totals = books(client, "acme")
    usual, most, added = median(seconds), max(seconds), memory.added >> 20
    told = f"{len(seconds)} live events in {took:.1f} s, {usual:.2f} s, {most:.2f} s at most"
    print(f"\n{told}, {added} MiB more")  # noqa: T201
    assert len(seconds) > 5
    assert usual < 1
    # A machine that has other things to do is slow with the file as well.
    assert most < max(1, took / 5)
    assert memory.added < FILE_BYTES
    assert totals["loaded"] == file.rows + len(seconds)


def seconds_until_seen(client: httpx2.Client, user_id: str) -> float:
    """From the sending of an event until its answer: with it, it is in the history of its user."""
    event = {**made_event(0), "event_id": user_id, "user_id": user_id}
    began = time.monotonic()
    answer = client.post(f"{TENANT}/events", json={"events": [event]})
    seconds = time.monotonic() - began
    assert answer.json()["accepted"] == 1
    assert len(client.get(f"{TENANT}/users/{user_id}/history").json()["events"]) == 1
    return seconds


def test_a_sender_who_stalls_before_a_refused_batch_has_its_answer(tmp_path: Path) -> None:
    pipeline = KilledPipeline(tmp_path, {"MAX_BATCHES_IN_WORK": "2"})
    try:
        pipeline.start()
        pipeline.wait_until_ready()
        with stalled(pipeline) as admitted, stalled(pipeline) as refused:
            time.sleep(STALL_SECONDS)
            assert finished(refused) == 429
            assert finished(admitted) == 200
    finally:
        pipeline.close()


@contextmanager
def stalled(pipeline: KilledPipeline) -> Generator[HTTPConnection]:
    """A connection on which the headers of a batch were sent."""
    connection = HTTPConnection("127.0.0.1", int(pipeline.settings["PORT"]), timeout=60)
    with closing(connection):
        connection.putrequest("POST", f"{TENANT}/events")
        connection.putheader("authorization", f"Bearer {TOKEN}")
        connection.putheader("content-length", str(len(STALLED)))
        connection.endheaders()
        yield connection


def finished(connection: HTTPConnection) -> int:
    """Send the batch, in pieces as a slow sender does; the status of the answer."""
    for start in range(0, len(STALLED), PIECE):
        connection.send(STALLED[start : start + PIECE])
    return connection.getresponse().status
