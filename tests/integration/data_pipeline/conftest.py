"""The real application over ASGI, with its lifespan, on files in a temporary folder."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from tests.in_process import running
from tests.kafka_broker import KafkaBroker, KafkaUnavailable

from data_pipeline.bootstrap import build_app
from data_pipeline.settings import Settings

TOKEN = "a-token-for-the-tests"
NOW_MS = 1_750_000_000_000

Serve = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, service_token=TOKEN, max_body_bytes=1_000_000)


@pytest.fixture
def serve(settings: Settings) -> Serve:
    """Starts the service on the test's folder, as often as the test likes; settings may change."""

    @asynccontextmanager
    async def run(**changes: object) -> AsyncGenerator[httpx2.AsyncClient]:
        changed = settings.model_copy(update=changes)
        app = build_app(changed, now_ms=lambda: NOW_MS)
        async with (
            running(app) as transport,
            httpx2.AsyncClient(
                transport=transport,
                base_url="http://data-pipeline",
                headers={"authorization": f"Bearer {TOKEN}"},
            ) as client,
        ):
            yield client

    return run


@pytest.fixture
async def client(serve: Serve) -> AsyncGenerator[httpx2.AsyncClient]:
    async with serve() as started:
        yield started


def event(event_id: str = "e1", **changes: Any) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "user_id": "u1",
        "item_id": "i1",
        "event_type": "view",
        "timestamp": 1_700_000_000,
        **changes,
    }


@pytest.fixture(name="event")
def event_fixture() -> Callable[..., dict[str, Any]]:
    return event


@pytest.fixture(scope="session")
def only_kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[KafkaBroker]:
    try:
        broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    except KafkaUnavailable as lacking:
        pytest.skip(f"Kafka {lacking}")
    yield broker
    broker.stop()


@pytest.fixture
def kafka_broker(only_kafka_broker: KafkaBroker) -> KafkaBroker:
    """The session's Kafka, running, whatever the test before did to it."""
    if not only_kafka_broker.running:
        only_kafka_broker.start()
    return only_kafka_broker


@pytest.fixture
def kafka_topic() -> str:
    """The name of a topic that no other test has; it is not created yet."""
    return f"events-{uuid4().hex}"
