"""Events of a real Kafka: each once, whatever stops, moves or fails on the way."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from tests.integration.data_pipeline.kafka_consumers import (
    NOW_MS,
    Pipeline,
    event,
    opened,
    send,
)
from tests.kafka_broker import KafkaBroker

from backends.ports import PortUnavailable
from data_pipeline.adapters.stream_positions import SqlStreamPositions
from data_pipeline.domain.streams import Partition
from data_pipeline.services.stream import StreamWorker

pytestmark = pytest.mark.anyio

PARTITIONS = 3


@pytest.fixture
async def pipeline(settings, kafka_broker: KafkaBroker, kafka_topic) -> AsyncGenerator[Pipeline]:
    kafka_broker.create_topic(kafka_topic, PARTITIONS)
    async with opened(settings, kafka_broker, kafka_topic) as pipeline:
        yield pipeline


def ids(first: int, count: int) -> list[str]:
    return [f"e{number:06d}" for number in range(first, first + count)]


def produce(pipeline: Pipeline, first: int, count: int, tenant_id: str = "acme") -> None:
    events = [event(one) for one in ids(first, count)]
    send(pipeline.broker, pipeline.topic, events, tenant_id)


async def healthy(worker: StreamWorker) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                return await worker.check()
            except PortUnavailable:
                await asyncio.sleep(0.01)


async def test_events_go_to_the_tenant_of_their_header_and_into_the_books(pipeline) -> None:
    produce(pipeline, 0, 300)
    produce(pipeline, 0, 200, "other")
    produce(pipeline, 290, 20)
    async with pipeline.consuming() as (worker, _):
        assert await pipeline.until_stored(310) == ids(0, 310)
        assert await pipeline.until_stored(200, "other") == ids(0, 200)
        await worker.check()
    day = (await pipeline.storage.ledger.accounts("acme", *_day()))[0]
    assert (day.source, day.counts) == ("kafka", (320, 310, 10, 0))
    await pipeline.balanced()


def _day() -> tuple[date, date]:
    day = datetime.fromtimestamp(NOW_MS / 1000, UTC).date()
    return day, day


async def test_poison_goes_to_quarantine_by_its_offset_and_the_rest_goes_on(pipeline) -> None:
    broker, topic = pipeline.broker, pipeline.topic
    send(broker, topic, [event("e1"), b"{", event("e2")], partition=1)
    send(broker, topic, [event("e3")], "other", partition=1)
    send(broker, topic, [b"\xff\xfe", None, b"[]", event("e4", value="x")], partition=1)
    send(broker, topic, [event("e5")], None, partition=1)
    send(broker, topic, [event("e6")], "Not A Tenant", partition=1)
    send(broker, topic, [event("e7")], partition=1)
    async with pipeline.consuming():
        assert await pipeline.until_stored(3) == ["e1", "e2", "e7"]
        assert await pipeline.until_stored(1, "other") == ["e3"]
    found = {one.place: (one.code, one.raw) for one in await pipeline.quarantined()}
    assert {place: code for place, (code, _) in found.items()} == {
        1: "invalid_json",
        4: "invalid_utf8",
        5: "invalid_json",
        6: "not_an_object",
        7: "invalid_type",
    }
    assert found[1][1] == b"{"
    assert found[4][1] == b"\xff\xfe"
    nobodys = {one.place: (one.code, one.raw) for one in await pipeline.quarantined("unknown")}
    assert nobodys == {
        8: ("missing_tenant", event("e5")),
        9: ("invalid_tenant", event("e6")),
    }
    assert {one.origin for one in await pipeline.quarantined()} == {f"{topic}/1"}
    await pipeline.balanced()


async def test_a_restart_goes_on_where_the_stored_position_is(pipeline) -> None:
    produce(pipeline, 0, 100)
    async with pipeline.consuming():
        await pipeline.until_stored(100)
    produce(pipeline, 100, 100)
    async with pipeline.consuming() as (_, seen):
        assert await pipeline.until_stored(200) == ids(0, 200)
    assert seen.failures == []
    (account,) = await pipeline.storage.ledger.accounts("acme", *_day())
    assert account.counts == (200, 200, 0, 0)


@pytest.mark.slow
async def test_two_consumers_share_the_partitions_and_lose_and_double_nothing(pipeline) -> None:
    total = 0
    async with pipeline.consuming() as (_, first):
        produce(pipeline, 0, 500)
        total = 500
        while not first.partitions:
            await asyncio.sleep(0.01)
        async with pipeline.consuming("two") as (_, second):
            while not (first.partitions and second.partitions):
                produce(pipeline, total, 200)
                total += 200
                await asyncio.sleep(0)
            shared = {*first.partitions, *second.partitions}
            produce(pipeline, total, 500)
            total += 500
            await pipeline.until_stored(total - 400)
        assert shared == {Partition(pipeline.topic, number) for number in range(PARTITIONS)}
        produce(pipeline, total, 300)
        total += 300
        assert await pipeline.until_stored(total) == ids(0, total)
        assert set(first.partitions) == shared
    (account,) = await pipeline.storage.ledger.accounts("acme", *_day())
    assert account.counts == (total, total, 0, 0)
    await pipeline.balanced()


async def test_who_lost_the_partition_without_noticing_stores_nothing(pipeline) -> None:
    produce(pipeline, 0, 10)
    positions = SqlStreamPositions(pipeline.storage.engine)
    async with pipeline.consuming() as (_, seen):
        await pipeline.until_stored(10)
        moved = await positions.of([Partition(pipeline.topic, n) for n in range(PARTITIONS)])
        partition, offset = next((one, at) for one, at in moved.items() if at is not None)
        await positions.move(partition, offset, offset + 5)
        skipped = [event(one) for one in ids(100, 5)]
        send(pipeline.broker, pipeline.topic, skipped, partition=partition.number)
        send(pipeline.broker, pipeline.topic, [event("next")], partition=partition.number)
        assert await pipeline.until_stored(11) == [*ids(0, 10), "next"]
    assert "stale_position" in seen.failures


async def test_of_two_replicas_of_one_name_the_later_reads_and_the_earlier_says_so_once(
    pipeline,
) -> None:
    produce(pipeline, 0, 10)
    async with pipeline.consuming() as (worker, first):
        await pipeline.until_stored(10)
        async with pipeline.consuming() as (_, second):
            async with asyncio.timeout(30):
                while not first.endings:
                    await asyncio.sleep(0.01)
            produce(pipeline, 10, 10)
            assert await pipeline.until_stored(20) == ids(0, 20)
            assert (len(first.endings), second.endings) == (1, [])
            assert first.lag == {}
            with pytest.raises(PortUnavailable, match="KAFKA_REPLICA_NAME"):
                await worker.check()
    assert first.failures == []
    await pipeline.balanced()


async def test_while_messages_are_worked_on_the_lag_is_measured(pipeline, monkeypatch) -> None:
    held, original = asyncio.Event(), pipeline.core.intake.load

    async def load(*args: Any) -> Any:
        await held.wait()
        return await original(*args)

    monkeypatch.setattr(pipeline.core.intake, "load", load, raising=False)
    produce(pipeline, 0, 30)
    async with pipeline.consuming() as (_, seen):
        await pipeline.until_behind(seen, 30)
        produce(pipeline, 30, 30)
        await pipeline.until_behind(seen, 60)
        held.set()
        await pipeline.until_stored(60)
        await pipeline.until_behind(seen, 0)


async def test_a_store_that_is_away_pauses_and_loses_nothing(pipeline, monkeypatch) -> None:
    produce(pipeline, 0, 50)
    failing = True
    original = pipeline.storage.ledger.record

    async def record(*args: object) -> None:
        await original(*args)
        if failing:
            raise PortUnavailable("the database is locked")

    monkeypatch.setattr(pipeline.core.intake._books.ledger, "record", record, raising=False)
    async with pipeline.consuming() as (worker, seen):
        while len(seen.failures) < 3:
            await asyncio.sleep(0.01)
        with pytest.raises(PortUnavailable, match="database is locked"):
            await worker.check()
        assert await pipeline.stored() == []
        await pipeline.until_behind(seen, 50)
        produce(pipeline, 50, 20)
        await pipeline.until_behind(seen, 70)
        failing = False
        assert await pipeline.until_stored(70) == ids(0, 70)
        await healthy(worker)
        await pipeline.until_behind(seen, 0)
    assert set(seen.failures) == {"store_unavailable"}
    await pipeline.balanced()


@pytest.mark.slow
async def test_a_broker_that_was_killed_is_read_on_when_it_is_back(pipeline) -> None:
    produce(pipeline, 0, 100)
    async with pipeline.consuming() as (worker, seen):
        await pipeline.until_stored(100)
        await pipeline.until_behind(seen, 0)
        pipeline.broker.kill()
        with pytest.raises(PortUnavailable, match="Kafka"):
            await worker.check()
        await pipeline.until_behind(seen, None)
        await asyncio.to_thread(pipeline.broker.start)
        produce(pipeline, 100, 100)
        assert await pipeline.until_stored(200) == ids(0, 200)
        await healthy(worker)
    await pipeline.balanced()
