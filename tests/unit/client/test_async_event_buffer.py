"""The buffer of the async client."""

import asyncio
import threading

import anyio.lowlevel
import httpx2
import pytest
from tests.unit.client.conftest import KEY
from tests.unit.client.recommender_stub import Stub

from contracts.events import Event
from recommender_client import (
    AsyncEventBuffer,
    AsyncRecommender,
    BufferFull,
    Delivered,
    NotDelivered,
    new_event,
)

pytestmark = pytest.mark.anyio


async def settled(buffer: AsyncEventBuffer, count: int) -> None:
    with anyio.fail_after(30):
        async with buffer._changed:
            while buffer._backlog.settled < count:
                await buffer._changed.wait()


async def test_a_full_batch_goes_out_by_itself(stub: Stub, async_client: AsyncRecommender) -> None:
    async with async_client.event_buffer(max_events=3, max_seconds=60) as buffer:
        for _ in range(3):
            await buffer.add(new_event("u", "i", "view"))
        await settled(buffer, 3)
    assert len(stub.seen) == 1


async def test_an_event_goes_out_after_a_while_by_itself(async_client: AsyncRecommender) -> None:
    async with async_client.event_buffer(max_seconds=0.01) as buffer:
        await buffer.add(new_event("u", "i", "view"))
        await settled(buffer, 1)


async def test_many_tasks_lose_nothing_through_a_flaky_connection(
    stub: Stub, async_client: AsyncRecommender
) -> None:
    stub.faults.extend([503, httpx2.ConnectError, httpx2.ReadTimeout, 429, 500])
    async with async_client.event_buffer(max_events=50, max_seconds=0.01, capacity=100) as buffer:

        async def add(name: str) -> None:
            for n in range(200):
                await buffer.add(new_event("u", "i", "view", event_id=f"{name}-{n}"))

        async with anyio.create_task_group() as tasks:
            for name in "abcd":
                tasks.start_soon(add, name)
        await buffer.flush()
        assert buffer.pending == 0
    assert buffer.delivered == Delivered(accepted=800, duplicates=0, rejected=0)
    for name in "abcd":
        assert [e for e in stub.events if e[0] == name] == [f"{name}-{n}" for n in range(200)]


async def test_a_full_buffer_makes_its_callers_wait(
    stub: Stub, async_client: AsyncRecommender
) -> None:
    stub.gate = threading.Event()
    async with async_client.event_buffer(max_events=2, capacity=2, max_seconds=0) as buffer:
        await buffer.add(new_event("u", "i", "view"))
        await buffer.add(new_event("u", "i", "view"))
        with pytest.raises(BufferFull):
            await buffer.add(new_event("u", "i", "view"), timeout_seconds=0.01)
        stub.gate.set()
        await buffer.add(new_event("u", "i", "view"), timeout_seconds=10)
    assert len(stub.events) == 3


async def test_many_who_wait_for_room_get_it_one_after_the_other(
    stub: Stub, async_client: AsyncRecommender
) -> None:
    async with (
        async_client.event_buffer(max_events=1, capacity=1, max_seconds=0) as buffer,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(20):
            tasks.start_soon(buffer.add, new_event("u", "i", "view"))
    assert buffer.delivered == Delivered(accepted=20, duplicates=0, rejected=0)
    assert len(stub.seen) == 20


async def test_rejected_events_are_told_of(async_client: AsyncRecommender) -> None:
    told: list[Event] = []
    bad = new_event("u", "bad", "view")
    async with async_client.event_buffer(on_rejected=lambda event, _: told.append(event)) as buffer:
        await buffer.add(bad)
    assert told == [bad]


async def test_a_revoked_key_is_told_to_the_next_caller_and_at_the_end(
    stub: Stub, async_client: AsyncRecommender
) -> None:
    stub.faults.append(401)
    first = new_event("u", "i", "view")
    buffer = async_client.event_buffer(max_seconds=60)
    with pytest.raises(NotDelivered, match="401 stubbed") as raised:  # noqa: PT012
        async with buffer:
            await buffer.add(first)
            with pytest.raises(NotDelivered):
                await buffer.flush()
            with pytest.raises(NotDelivered):
                await buffer.add(new_event("u", "i", "view"))
    assert raised.value.events == [first]


async def test_closing_in_vain_hands_the_events_back(
    stub: Stub, async_client: AsyncRecommender
) -> None:
    stub.faults.extend([httpx2.ConnectError] * 1_000)
    event = new_event("u", "i", "view")
    with pytest.raises(NotDelivered, match="1 events were not delivered") as raised:  # noqa: PT012
        async with async_client.event_buffer(max_seconds=60) as buffer:
            await buffer.add(event)
            await buffer.close(timeout_seconds=0.05)
    assert raised.value.events == [event]


async def test_a_cancelled_task_delivers_its_events(
    stub: Stub, async_client: AsyncRecommender
) -> None:
    with anyio.CancelScope() as scope:
        async with async_client.event_buffer(max_seconds=60) as buffer:
            await buffer.add(new_event("u", "i", "view", event_id="by-scope"))
            scope.cancel()
            await anyio.sleep_forever()
    assert list(stub.events) == ["by-scope"]

    added = asyncio.Event()

    async def use() -> None:
        async with async_client.event_buffer(max_seconds=60) as buffer:
            await buffer.add(new_event("u", "i", "view", event_id="by-task"))
            added.set()
            await anyio.sleep_forever()

    task = asyncio.create_task(use())
    await added.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(stub.events) == ["by-scope", "by-task"]


async def test_a_cancellation_while_a_batch_is_on_its_way_loses_nothing(
    stub: Stub, async_client: AsyncRecommender
) -> None:
    stub.gate = threading.Event()
    with anyio.CancelScope() as scope:
        async with async_client.event_buffer(max_seconds=0) as buffer:
            await buffer.add(new_event("u", "i", "view", event_id="e1"))
            while not stub.seen:
                await anyio.lowlevel.checkpoint()
            stub.gate.set()
            scope.cancel()
            await anyio.sleep_forever()
    assert list(stub.events) == ["e1"]
    assert buffer.pending == 0


async def test_an_exception_of_the_block_comes_out_as_it_is(
    stub: Stub, async_client: AsyncRecommender
) -> None:
    with pytest.raises(LookupError):  # noqa: PT012
        async with async_client.event_buffer(max_seconds=60) as buffer:
            await buffer.add(new_event("u", "i", "view"))
            raise LookupError
    assert len(stub.events) == 1


async def test_outside_of_its_block_it_takes_nothing(async_client: AsyncRecommender) -> None:
    buffer = async_client.event_buffer()
    with pytest.raises(RuntimeError, match="async with"):
        await buffer.add(new_event("u", "i", "view"))
    async with buffer:
        pass
    with pytest.raises(RuntimeError, match="async with"):
        await buffer.add(new_event("u", "i", "view"))


async def test_a_hook_that_fails_is_told(stub: Stub) -> None:
    def fail() -> dict[str, str]:
        raise LookupError("the hook's own failure")

    client = AsyncRecommender("http://recs.test", KEY, headers=fail, transport=stub.transport())
    with pytest.raises(NotDelivered, match="the hook's own failure"):
        async with client.event_buffer() as buffer:
            await buffer.add(new_event("u", "i", "view"))
