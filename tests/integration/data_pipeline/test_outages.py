"""What the pipeline stands on goes away: it says so, loses and doubles nothing, and goes on."""

import time
from collections.abc import Callable, Generator
from pathlib import Path

import httpx2
import pytest
from tests.integration.data_pipeline.killed_pipeline import KilledPipeline
from tests.integration.data_pipeline.outages import OUTAGES, Outage
from tests.integration.data_pipeline.sources import Batches, File, Source, Topic, made_event
from tests.integration.data_pipeline.stored_events import stored_event_ids
from tests.integration.data_pipeline.taken_in import books, wait_for_features
from tests.kafka_broker import KafkaBroker
from tests.real_processes import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BACK_SECONDS = 10.0


@pytest.fixture(params=list(OUTAGES))
def outage(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Outage]:
    outage = OUTAGES[request.param](tmp_path / "data")
    yield outage
    outage.close()


@pytest.fixture(params=["http", "file", "kafka"])
def source(request: pytest.FixtureRequest) -> Source:
    if request.param == "http":
        return Batches()
    if request.param == "file":
        return File()
    broker, topic = (request.getfixturevalue(name) for name in ("kafka_broker", "kafka_topic"))
    return Topic(broker, topic)


@pytest.fixture
def start(tmp_path: Path) -> Generator[Callable[..., KilledPipeline]]:
    started: list[KilledPipeline] = []

    def run(*parts: Source | Outage) -> KilledPipeline:
        settings = {name: value for part in parts for name, value in part.settings.items()}
        pipeline = KilledPipeline(tmp_path, settings)
        started.append(pipeline)
        pipeline.start()
        pipeline.wait_until_ready()
        return pipeline

    yield run
    for pipeline in started:
        pipeline.close()


def test_an_outage_is_told_and_survived(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    start: Callable[..., KilledPipeline],
    outage: Outage,
    source: Source,
) -> None:
    for name, value in outage.settings.items():
        monkeypatch.setenv(name, value)
    name = request.node.callspec.params["source"]
    pipeline = start(source, outage)
    with pipeline.client() as client:
        source.start(client)
        outage.begin()
        if name in outage.refused:
            told = source.meet(client)
        else:
            told = "goes on"
            source.finish(client)
        outage.end()
        seconds = seconds_until_back(client, source.go_on)
        print(f"\n{request.node.callspec.id}: {told!r}; back after {seconds:.1f} s")  # noqa: T201
        source.finish(client)
        check(client, pipeline, source)
    assert seconds < BACK_SECONDS


def test_kafka_away_keeps_nothing_else_from_coming_in(
    start: Callable[..., KilledPipeline], kafka_broker: KafkaBroker, kafka_topic: str
) -> None:
    source = Topic(kafka_broker, kafka_topic)
    pipeline = start(source)
    with pipeline.client() as client:
        source.start(client)
        kafka_broker.kill()
        told = source.meet(client)
        assert client.get("/health").json()["status"] == "degraded"
        assert client.get("/health/ready").status_code == 200
        sent = {"events": [made_event(0)]}
        assert client.post("/v1/tenants/other/events", json=sent).json()["accepted"] == 1
        kafka_broker.start()
        seconds = seconds_until_back(client, source.finish)
        print(f"\nkafka-away: {told!r}; back after {seconds:.1f} s")  # noqa: T201
        check(client, pipeline, source)
    assert seconds < BACK_SECONDS


def seconds_until_back(client: httpx2.Client, store: Callable[[httpx2.Client], None]) -> float:
    """Until events are stored again, and nothing is the matter any more."""
    began = time.monotonic()
    store(client)
    wait_for(lambda: client.get("/health").json()["status"], lambda status: status == "healthy")
    return time.monotonic() - began


def check(client: httpx2.Client, pipeline: KilledPipeline, source: Source) -> None:
    """Everything that was sent is stored once, counted and followed."""
    sent = len(source.ids)
    objects = pipeline.settings.get("OBJECT_STORE_URL")
    assert stored_event_ids(pipeline.data_dir, objects=objects) == sorted(source.ids)
    assert books(client, "acme") == {
        "received": sent,
        "loaded": sent,
        "duplicates": 0,
        "quarantined": 0,
    }
    wait_for_features(client)
