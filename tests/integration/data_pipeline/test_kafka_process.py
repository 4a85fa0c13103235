"""A real Kafka and the whole service: killed in the middle, and watched from outside."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.in_process import running
from tests.integration.data_pipeline.conftest import TOKEN
from tests.integration.data_pipeline.kafka_consumers import event, send
from tests.integration.data_pipeline.real_server import server
from tests.integration.data_pipeline.stored_events import stored_event_ids
from tests.kafka_broker import KafkaBroker
from tests.real_processes import wait_for

from data_pipeline.adapters.kafka_events import KafkaEvents
from data_pipeline.bootstrap import build_app

pytestmark = pytest.mark.slow

EVENTS = 30_000
PARTITIONS = 3
SESSION_SECONDS = 120
"""Longer than anybody waits: what goes on sooner did not wait for the session's end."""

TAKEOVER_SECONDS = 30.0
STOP_SECONDS = 10.0
"""What containers are given to stop."""


def test_a_service_that_is_killed_reads_on_and_counts_each_message_once(
    tmp_path: Path, kafka_broker: KafkaBroker, kafka_topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka_broker.create_topic(kafka_topic, PARTITIONS)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_broker.bootstrap_servers)
    monkeypatch.setenv("KAFKA_EVENTS_TOPIC", kafka_topic)
    monkeypatch.setenv("KAFKA_SESSION_SECONDS", str(SESSION_SECONDS))
    ids = [f"e{n:06d}" for n in range(EVENTS)]
    send(kafka_broker, kafka_topic, [event(one) for one in ids[: EVENTS // 2]])
    with server(tmp_path) as (process, client):
        wait_for_records(client, 1)
        send(kafka_broker, kafka_topic, [b"{", *(event(one) for one in ids[EVENTS // 2 :])])
        process.send_signal(signal.SIGKILL)
        process.wait()
    with server(tmp_path) as (_, client):
        books = wait_for_records(client, EVENTS + 1)
    assert books["balanced"]
    assert books["totals"] == {
        "received": EVENTS + 1,
        "loaded": EVENTS,
        "duplicates": 0,
        "quarantined": 1,
    }
    assert stored_event_ids(tmp_path) == ids


def wait_for_records(client: httpx2.Client, count: int) -> dict[str, Any]:
    return wait_for(
        lambda: client.get("/v1/tenants/acme/accounting").json(),
        lambda books: books["totals"]["received"] >= count,
        TAKEOVER_SECONDS,
    )


def test_a_service_stops_in_time_while_its_broker_hangs(
    tmp_path: Path, kafka_broker: KafkaBroker, kafka_topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka_broker.create_topic(kafka_topic)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_broker.bootstrap_servers)
    monkeypatch.setenv("KAFKA_EVENTS_TOPIC", kafka_topic)
    with server(tmp_path) as (process, client):
        send(kafka_broker, kafka_topic, [event(f"e{n}") for n in range(1_000)])
        wait_for_records(client, 1)
        kafka_broker.hang()
        try:
            wait_for(lambda: client.get("/health").json()["status"], lambda it: it == "degraded")
            process.terminate()
            process.wait(STOP_SECONDS)
        finally:
            kafka_broker.kill()


@pytest.mark.anyio
@pytest.mark.parametrize("leave", [KafkaBroker.kill, KafkaBroker.hang], ids=["dead", "hung"])
async def test_a_consumer_closes_in_time_whatever_it_has_told_a_broker_that_is_away(
    kafka_broker: KafkaBroker, kafka_topic: str, leave: Callable[[KafkaBroker], None]
) -> None:
    kafka_broker.create_topic(kafka_topic)
    send(kafka_broker, kafka_topic, [event("e1")])
    stream = KafkaEvents(kafka_broker.bootstrap_servers, kafka_topic, "one", SESSION_SECONDS)
    async with asyncio.timeout(30):
        while not (assigned := (await stream.receive()).assigned):
            pass
        await stream.read(dict.fromkeys(assigned))
        while not (fetched := (await stream.receive()).fetched):
            pass
    leave(kafka_broker)
    try:
        await stream.receive()
        # The client would wait for the answer to this, as long as a session lasts.
        await stream.acknowledge({one.partition: one.next_offset for one in fetched})
        async with asyncio.timeout(STOP_SECONDS):
            await stream.close()
    finally:
        kafka_broker.kill()


@pytest.mark.anyio
async def test_health_and_metrics_tell_of_kafka(
    settings, kafka_broker: KafkaBroker, kafka_topic: str
) -> None:
    kafka_broker.create_topic(kafka_topic)
    changes = {
        "kafka_bootstrap_servers": kafka_broker.bootstrap_servers,
        "kafka_events_topic": kafka_topic,
        "kafka_session_seconds": 1.5,
    }
    app = build_app(settings.model_copy(update=changes))
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with (
        running(app) as transport,
        httpx2.AsyncClient(transport=transport, base_url="http://p", headers=headers) as client,
    ):
        sent = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
        send(kafka_broker, kafka_topic, [event("a"), b"{"], **sent)
        metrics = ""
        consumed = f'kafka_messages_consumed_total{{topic="{kafka_topic}"}} 2.0'
        lag = f'kafka_consumer_lag{{partition="0",topic="{kafka_topic}"}}'
        async with asyncio.timeout(30):
            while consumed not in metrics or f"{lag} 0.0" not in metrics:
                await asyncio.sleep(0.02)
                metrics = (await client.get("/metrics")).text
        for series in (
            f'kafka_processing_errors_total{{error_type="invalid_json",topic="{kafka_topic}"}} 1.0',
            'data_ingestion_records_total{data_type="events",tenant_id="acme"} 1.0',
            'data_validation_errors_total{error_type="invalid_json",tenant_id="acme"} 1.0',
        ):
            assert series in metrics
        assert (await client.get("/health")).json()["status"] == "healthy"
        kafka_broker.kill()
        report = await client.get("/health")
        assert (report.status_code, report.json()["status"]) == (200, "degraded")
        [check] = [one for one in report.json()["checks"] if one["name"] == "kafka"]
        assert "Kafka does not answer" in check["message"]
        assert (await client.get("/health/ready")).status_code == 200
        async with asyncio.timeout(30):
            while lag in (await client.get("/metrics")).text:
                await asyncio.sleep(0.05)
        await asyncio.to_thread(kafka_broker.start)
        async with asyncio.timeout(30):
            while (await client.get("/health")).json()["status"] != "healthy":
                await asyncio.sleep(0.05)
