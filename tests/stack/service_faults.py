"""Faults of the services and of what callers do to them. Each lasts as long as its block.

What a fault yields is called again and again meanwhile: the callers, by whom the fault is noticed.
"""

import contextlib
import signal
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from benchmarks.serving.load import post
from benchmarks.serving.steady_load import steady_load
from tests.integration.data_pipeline.kafka_consumers import send
from tests.integration.data_pipeline.outages import LostObjects
from tests.real_processes import free_port
from tests.stack.faulty_world import TOPIC, World

from recommender_client import RecommenderError, new_event
from recommender_client.models import DataType, FileFormat

Calls = Callable[[], object]
PIPELINE: Final = "data-pipeline"
ENGINE: Final = "ml-engine"
EVENTS: Final = "/api/v1/events"
PAUSE_SECONDS: Final = 1.6
BACKLOG: Final = 100_000
"""Ten times as many messages as may wait; half as many follow again and again."""


@contextmanager
def pipeline_killed(world: World) -> Generator[Calls]:
    """data-pipeline is killed while callers send it events."""
    world.system.kill(PIPELINE)
    try:
        with world.system.client(world.shop) as client:
            yield lambda: client.post(EVENTS, json=_events())
    finally:
        world.system.start(PIPELINE)


@contextmanager
def engine_killed(world: World) -> Generator[Calls]:
    """ml-engine is killed while callers ask for recommendations."""
    world.system.kill(ENGINE)
    try:
        with world.shopping() as client:
            yield lambda: client.recommendations.for_user("u1")
    finally:
        world.system.start(ENGINE)


@contextmanager
def pipeline_hesitates(world: World) -> Generator[Calls]:
    """data-pipeline does nothing for more than a second, again and again, while it is called."""

    def call() -> None:
        world.system.signal(PIPELINE, signal.SIGSTOP)
        with ThreadPoolExecutor(1) as caller:
            calling = caller.submit(client.post, EVENTS, json=_events())
            time.sleep(PAUSE_SECONDS)  # The fault is that span of time.
            world.system.signal(PIPELINE, signal.SIGCONT)
            calling.result()

    with world.system.client(world.shop) as client:
        try:
            yield call
        finally:
            world.system.signal(PIPELINE, signal.SIGCONT)


@contextmanager
def objects_lost(world: World) -> Generator[Calls]:
    """The folder of models and snapshots is elsewhere, and something else in its place."""

    def call() -> None:
        with contextlib.suppress(RecommenderError):
            client.training.start()
        time.sleep(0.5)

    lost = LostObjects(world.system.folder / "data")
    lost.begin()
    try:
        with world.shopping() as client:
            yield call
    finally:
        lost.end()


@contextmanager
def topic_filled(world: World) -> Generator[Calls]:
    """Messages came while no consumer ran, and more come than are taken in."""
    kafka = world.kafka
    assert kafka is not None
    events = [new_event(f"u{n % 200}", f"i{n % 200}", "view") for n in range(BACKLOG)]
    messages = [one.model_dump_json(exclude_none=True).encode() for one in events]
    world.system.kill(PIPELINE)
    try:
        send(kafka, TOPIC, messages, "shop")
    finally:
        world.system.start(PIPELINE)
    more = messages[: BACKLOG // 2]
    yield lambda: send(kafka, TOPIC, more, "shop")


@contextmanager
def limit_exceeded(world: World) -> Generator[Calls]:
    """A tenant asks forty times a second, and may ask once."""
    asked = post("127.0.0.1", "/api/v1/recommendations", world.narrow, b'{"user_id":"u1"}')
    with steady_load(world.system.ports["backend-api"], [asked], 40):
        yield _nothing


@contextmanager
def unknown_items(world: World) -> Generator[Calls]:
    """Histories name items that were never sent."""
    with world.shopping() as client:

        def call() -> None:
            client.recommendations.for_history([f"made-up-{n}" for n in range(20)] + ["i1"])

        yield call


@contextmanager
def training_without_data(world: World) -> Generator[Calls]:
    """A tenant with a single event trains."""
    with world.system.recommender(world.empty) as client:
        client.events.send([new_event("u1", "i1", "view")])
        client.training.start()
        yield _nothing


@contextmanager
def bad_records(world: World) -> Generator[Calls]:
    """A tenant's events are of no known shape."""
    bad = [{"event_id": f"bad-{n}", "user_id": "u1"} for n in range(100)]
    with world.system.client(world.empty) as client:

        def call() -> None:
            client.post(EVENTS, json={"events": bad})
            time.sleep(0.2)

        yield call


@contextmanager
def file_spoilt(world: World) -> Generator[Calls]:
    """A file is to be imported that is none of its format."""
    with world.system.recommender(world.empty) as client:

        def call() -> None:
            client.imports.start(DataType.EVENTS, b"PAR1", file_format=FileFormat.PARQUET)
            time.sleep(1)

        yield call


@contextmanager
def replica_gone(world: World) -> Generator[Calls]:
    """A replica that is still looked for does not answer."""
    there = f"127.0.0.1:{world.system.ports[ENGINE]}"
    world.stack.prometheus.set_targets(ENGINE, [there, f"127.0.0.1:{free_port()}"])
    try:
        yield _nothing
    finally:
        world.stack.prometheus.set_targets(ENGINE, [there])


def _events() -> dict[str, object]:
    return {"events": [new_event("u1", "i1", "view").model_dump(mode="json", exclude_none=True)]}


def _nothing() -> None:
    time.sleep(0.1)
