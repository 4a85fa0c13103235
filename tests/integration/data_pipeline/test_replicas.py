"""Two real data-pipelines over one PostgreSQL, Redis, Kafka and object store."""

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx2
import pytest
from confluent_kafka import Producer
from tests.databases import new_database
from tests.integration.data_pipeline.kafka_consumers import event as message
from tests.integration.data_pipeline.killed_pipeline import KilledPipeline
from tests.integration.data_pipeline.stored_events import stored_event_ids
from tests.integration.data_pipeline.taken_in import Expected, check_taken_in, wait_for_features
from tests.kafka_broker import KafkaBroker
from tests.postgres_server import PostgresServer
from tests.real_processes import wait_for
from tests.redis_server import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PARTITIONS = 4
BATCH = 50
ROWS = 500_000
TENANT = "/v1/tenants/acme"
EVENTS = f"{TENANT}/events"
IMPORTS = f"{TENANT}/imports"
TAKEN_UP_WITHIN_SECONDS = 30.0


def event(event_id: str, user_id: str = "u1", **changes: object) -> dict[str, object]:
    return json.loads(message(event_id, user_id=user_id, **changes))


class World:
    """What the replicas share, and the replicas."""

    def __init__(self, folder: Path, database: str, redis: str, broker: str, topic: str) -> None:
        settings = {
            "DATABASE_URL": database,
            "REDIS_URL": redis,
            "OBJECT_STORE_URL": (folder / "objects").as_uri(),
            "KAFKA_BOOTSTRAP_SERVERS": broker,
            "KAFKA_EVENTS_TOPIC": topic,
            "KAFKA_SESSION_SECONDS": "3",
        }
        self.folder, self.database = folder, database
        self.broker, self.topic = broker, topic
        self.replicas = [self._replica(folder, name, settings) for name in ("one", "two")]
        for replica in self.replicas:
            replica.start()
        for replica in self.replicas:
            replica.wait_until_ready()
        with self.replicas[0].client() as client:
            # One of them begins the features; events are taken in before these can be read.
            wait_for(lambda: client.get(f"{TENANT}/users/u0/history"), lambda one: one.is_success)

    def clients(self, stack: ExitStack) -> list[httpx2.Client]:
        return [stack.enter_context(replica.client()) for replica in self.replicas]

    def close(self) -> None:
        for replica in self.replicas:
            replica.close()

    @staticmethod
    def _replica(folder: Path, name: str, settings: dict[str, str]) -> KilledPipeline:
        (folder / name).mkdir()
        return KilledPipeline(folder / name, {**settings, "KAFKA_REPLICA_NAME": name})


@pytest.fixture
def world(
    tmp_path: Path, postgres: PostgresServer, kafka_broker: KafkaBroker, kafka_topic: str
) -> Generator[World]:
    kafka_broker.create_topic(kafka_topic, PARTITIONS)
    redis = RedisServer(tmp_path)
    redis.start_at_once()
    try:
        with new_database(postgres) as url:
            world = World(tmp_path, url, redis.url, kafka_broker.bootstrap_servers, kafka_topic)
            try:
                yield world
            finally:
                world.close()
    finally:
        redis.kill()


def sent(client: httpx2.Client, events: Sequence[dict[str, object]]) -> tuple[int, int]:
    """How many of a batch were accepted, and how many were duplicates."""
    answer = client.post(EVENTS, json={"events": events}).raise_for_status().json()
    return answer["accepted"], answer["duplicates"]


def metric(client: httpx2.Client, name: str) -> float:
    """The sum of a replica's series that begin so."""
    lines = client.get("/metrics").text.splitlines()
    of_name = [line for line in lines if line.startswith(name)]
    return sum(float(line.rpartition(" ")[2]) for line in of_name)


def history(client: httpx2.Client, user_id: str) -> list[str]:
    answer = client.get(f"{TENANT}/users/{user_id}/history").raise_for_status()
    return [one["item_id"] for one in answer.json()["events"]]


def test_what_one_replica_accepted_is_a_duplicate_at_the_other_at_once(world: World) -> None:
    with ExitStack() as stack:
        one, two = world.clients(stack)
        for number, (first, second) in enumerate([(one, two), (two, one)] * 20):
            events = [event(f"e{number}-{place}", f"u{number}") for place in range(3)]
            assert sent(first, events) == (3, 0)
            assert sent(second, events) == (0, 3)
            assert history(second, f"u{number}") == ["i1"] * 3
        with ThreadPoolExecutor(4) as pool:
            for number in range(25):
                events = [event(f"same{number}-{place}", f"v{place}") for place in range(20)]
                answers = list(pool.map(sent, [one, two, one, two], [events] * 4))
                # Whichever comes first accepts an event, and nobody else.
                assert sum(accepted for accepted, _ in answers) == 20
                assert sum(duplicates for _, duplicates in answers) == 60
        assert len(history(one, "v1")) == len(history(two, "v1")) == 25
        expected = {f"e{n}-{place}" for n in range(40) for place in range(3)}
        expected |= {f"same{n}-{place}" for n in range(25) for place in range(20)}
        received = 40 * 6 + 25 * 80
        check_taken_in(one, "acme", Expected(received, expected, Counter()))
        assert [metric(client, "data_pipeline_upkeep") for client in (one, two)].count(1) == 1


class Sender:
    """Sends batches to both replicas, and one that was not answered again, to the other."""

    def __init__(self, clients: Sequence[httpx2.Client], name: str) -> None:
        self._clients = itertools.cycle(clients)
        self._name = name
        self.acknowledged: set[str] = set()

    def run(self, stop: Event) -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            # Every third batch was sent by the other sender as well.
            name = "both" if number % 3 == 0 else self._name
            events = [event(f"{name}-{number}-{n}", f"u{n}") for n in range(BATCH)]
            faulty = [event("bad", event_type="unheard of")]
            self._send([*events, *faulty])
            time.sleep(0.1)
            self.acknowledged.update(str(one["event_id"]) for one in events)

    def _send(self, events: Sequence[dict[str, object]]) -> None:
        while True:
            try:
                answer = next(self._clients).post(EVENTS, json={"events": events})
            except httpx2.TransportError:
                continue
            if answer.status_code < 300:
                return
            assert answer.status_code in (429, 503), answer.text
            time.sleep(0.02)


def producing(world: World, produced: set[str], stop: Event) -> None:
    """Events over Kafka, each of them twice."""
    producer = Producer({"bootstrap.servers": world.broker, "acks": "all", "linger.ms": 5})
    for number in itertools.count():
        if stop.is_set():
            break
        event_id = f"kafka-{number}"
        for partition in (number % PARTITIONS, (number + 1) % PARTITIONS):
            value = message(event_id, user_id=f"u{number % 50}")
            headers = [("tenant_id", b"acme")]
            producer.produce(world.topic, value, headers=headers, partition=partition)
        produced.add(event_id)
        producer.poll(0)
        time.sleep(0.005)
    assert producer.flush(60) == 0


def upload(client: httpx2.Client) -> str:
    rows = (f"file-{n},u{n % 50},i1,view,1700000000\n" for n in range(ROWS))
    content = "event_id,user_id,item_id,event_type,timestamp\n" + "".join(rows)
    answer = client.post(
        IMPORTS, params={"data_type": "events", "format": "csv"}, content=content.encode()
    )
    assert answer.status_code == 202, answer.text
    return answer.json()["import_id"]


def running(stack: ExitStack, work: Callable[[Event], None]) -> None:
    """Work in a thread until the block ends."""
    stop = Event()
    thread = Thread(target=work, args=(stop,))
    thread.start()
    stack.callback(thread.join)
    stack.callback(stop.set)


def job_of(client: httpx2.Client, import_id: str) -> dict[str, Any]:
    return client.get(f"{IMPORTS}/{import_id}").raise_for_status().json()


def test_every_acknowledged_event_is_there_once_though_a_replica_is_killed(world: World) -> None:
    killed, left = world.replicas
    produced: set[str] = set()
    with ExitStack() as stack:
        clients = world.clients(stack)
        senders = [Sender(clients, "a"), Sender(clients[::-1], "b")]
        with ExitStack() as sending:
            for sender in senders:
                running(sending, sender.run)
            running(sending, lambda stop: producing(world, produced, stop))
            wait_for(lambda: len(senders[0].acknowledged), lambda count: count > 5 * BATCH)
            # The replica that takes a file in is the one that is killed.
            import_id = upload(clients[0])
            first, other = clients
            wait_for(lambda: sum(imported(one) for one in clients), bool)
            if imported(other):
                killed, (first, other) = left, (other, first)
            kept_up_before = metric(other, "data_pipeline_upkeep") == 1
            killed.close()
            rows_before = job_of(other, import_id)["rows"]
            assert 0 < rows_before < ROWS
            killed_at = time.monotonic()
            job = wait_for(
                lambda: job_of(other, import_id),
                lambda job: job["rows"] > rows_before,
                TAKEN_UP_WITHIN_SECONDS,
            )
            taken_up = time.monotonic() - killed_at
            wait_for(
                lambda: metric(other, "data_pipeline_upkeep"),
                lambda holds: holds == 1,
                TAKEN_UP_WITHIN_SECONDS,
            )
            kept_up = time.monotonic() - killed_at
            job = wait_for(lambda: job_of(other, import_id), lambda job: job["status"] != "running")
        assert (job["status"], job["error"]) == ("completed", None)
        counts = [job[name] for name in ("rows", "accepted", "duplicates", "rejected")]
        assert counts == [ROWS, ROWS, 0, 0]
        assert metric(other, "import_takeovers_total") == 1
        wait_for(lambda: from_kafka(other), lambda received: received == 2 * len(produced))
        wait_for_features(other)
        acknowledged = set[str]().union(*(sender.acknowledged for sender in senders))
        check(world, other, acknowledged | produced | {f"file-{n}" for n in range(ROWS)})
        killed.start()
        killed.wait_until_ready()
        # What the other one accepted while this one was away is known here too.
        some = [event(one) for one in sorted(senders[0].acknowledged)[:500]]
        assert sent(first, some) == (0, 500)
        assert history(first, "u1") == history(other, "u1")
        assert [metric(one, "data_pipeline_upkeep") for one in (first, other)] == [0, 1]
    print(  # noqa: T201 - the figures of this run
        f"\nacknowledged {sum(len(one.acknowledged) for one in senders)}, kafka {len(produced)}; "
        f"import taken up after {taken_up:.1f} s, upkeep "
        + ("was there already" if kept_up_before else f"after {kept_up:.1f} s")
    )


def imported(client: httpx2.Client) -> float:
    """How many rows of files a replica took in."""
    return metric(client, 'etl_records_processed_total{job_name="import"')


def from_kafka(client: httpx2.Client) -> int:
    """How many messages came in."""
    return accounting(client)["by_source"].get("kafka", {"received": 0})["received"]


def accounting(client: httpx2.Client) -> dict[str, Any]:
    """The books, which balance at any moment."""
    shown = client.get(f"{TENANT}/accounting").raise_for_status().json()
    assert shown["balanced"], shown["differences"]
    return shown


def check(world: World, client: httpx2.Client, sent_ids: Set[str]) -> None:
    """Each event that was acknowledged is stored once, and the books say the same."""
    totals = accounting(client)["totals"]
    assert totals["received"] == sum(totals[n] for n in ("loaded", "duplicates", "quarantined"))
    stored = Counter(stored_event_ids(world.folder, database=world.database))
    assert set(stored.values()) == {1}
    assert stored.keys() == sent_ids
    assert totals["loaded"] == len(sent_ids)
