"""The Idempotency-Key service: leases are held while a request runs, and end by themselves."""

import asyncio
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from backend_api.domain.access_errors import IdempotencyKeyInUse, InvalidIdempotencyKey
from backend_api.domain.idempotency import (
    Attempt,
    Begun,
    KeptAnswer,
    Running,
    Started,
    is_idempotency_key,
)
from backend_api.services.idempotency import IdempotencyService
from backends.ports import PortUnavailable

pytestmark = pytest.mark.anyio
ANSWER = KeptAnswer("f", 200, [], b"")


class Told:
    """An IdempotencyStore that notes what it is told."""

    def __init__(self, begun: Begun) -> None:
        self.begun = begun
        self.renewed = 0
        self.released = 0
        self.kept_until: datetime | None = None
        self.fails = False

    async def begin(self, attempt: Attempt, now: datetime) -> Begun:
        return self.begun

    async def renew(self, attempt: Attempt, until: datetime) -> None:
        self.renewed += 1
        if self.fails:
            raise PortUnavailable("away")

    async def keep(self, attempt: Attempt, answer: KeptAnswer, until: datetime) -> None:
        self.kept_until = until

    async def release(self, attempt: Attempt) -> None:
        self.released += 1
        if self.fails:
            raise PortUnavailable("away")

    async def ping(self) -> None: ...
    async def close(self) -> None: ...


def service(store: Told, lease: float = 30) -> IdempotencyService:
    now = datetime(2026, 11, 30, tzinfo=UTC)
    return IdempotencyService(
        store, timedelta(hours=1), clock=lambda: now, lease=timedelta(seconds=lease)
    )


async def started(to: IdempotencyService) -> Attempt:
    attempt = await to.begin("acme", "k")
    assert isinstance(attempt, Attempt)
    return attempt


async def test_a_known_answer_is_given_and_a_running_request_refused() -> None:
    assert await service(Told(ANSWER)).begin("acme", "k") == ANSWER
    with pytest.raises(IdempotencyKeyInUse):
        await service(Told(Running())).begin("acme", "k")


@pytest.mark.parametrize("fails", [True, False])
async def test_a_running_request_holds_its_key_on(fails: bool) -> None:
    store = Told(Started())
    store.fails = fails
    to = service(store, lease=0.03)
    attempt = await started(to)
    async with to.holding(attempt):
        with anyio.fail_after(30):
            while store.renewed < 3:
                await asyncio.sleep(0.005)
    renewed = store.renewed
    await asyncio.sleep(0.03)
    assert store.renewed == renewed
    assert store.released == 0


@pytest.mark.parametrize("fails", [True, False])
async def test_a_failed_request_frees_its_key(fails: bool) -> None:
    store = Told(Started())
    store.fails = fails
    to = service(store)
    attempt = await started(to)
    with pytest.raises(LookupError):
        async with to.holding(attempt):
            raise LookupError
    assert store.released == 1


async def test_answers_are_kept_for_their_time() -> None:
    store = Told(Started())
    to = service(store)
    await to.keep(await started(to), ANSWER)
    assert store.kept_until == datetime(2026, 11, 30, 1, tzinfo=UTC)


@pytest.mark.parametrize("key", ["a", "!" * 255, "~", "8e03978e-40d5-43e8-bc93-6894a57f9324"])
async def test_visible_ascii_is_a_key(key: str) -> None:
    assert is_idempotency_key(key)


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "a\n", "\x7f", "\u00e9"])
async def test_anything_else_is_none(key: str) -> None:
    assert not is_idempotency_key(key)
    with pytest.raises(InvalidIdempotencyKey):
        await service(Told(Started())).begin("acme", key)
