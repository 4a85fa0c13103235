"""Every IdempotencyStore gives a key to one attempt, and its answer to the others."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backend_api.adapters.idempotency_store import SqlIdempotencyStore
from backend_api.domain.access_ports import IdempotencyStore
from backend_api.domain.idempotency import Attempt, KeptAnswer, Running, Started

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)
ANSWER = KeptAnswer("f" * 64, 201, [("content-type", "application/json")], b"{}")


@pytest.fixture
def store(engine: AsyncEngine) -> IdempotencyStore:
    return SqlIdempotencyStore(engine)


def attempt(name: str, owner: str = "acme", key: str = "k") -> Attempt:
    return Attempt(owner, key, name, NOW + LEASE)


async def test_one_of_many_at_once_gets_the_key(store: IdempotencyStore) -> None:
    begun = await asyncio.gather(*(store.begin(attempt(str(n)), NOW) for n in range(8)))
    assert begun.count(Started()) == 1
    assert begun.count(Running()) == 7


async def test_the_answer_is_given_to_those_who_come_later(store: IdempotencyStore) -> None:
    await store.begin(attempt("a"), NOW)
    await store.keep(attempt("a"), ANSWER, NOW + timedelta(hours=1))
    assert await store.begin(attempt("b"), NOW) == ANSWER
    assert await store.begin(attempt("c"), NOW + timedelta(hours=1)) == Started()


async def test_owners_and_keys_are_apart(store: IdempotencyStore) -> None:
    for one in (attempt("a"), attempt("b", owner="globex"), attempt("c", key="other")):
        assert await store.begin(one, NOW) == Started()


async def test_a_released_key_is_free(store: IdempotencyStore) -> None:
    await store.begin(attempt("a"), NOW)
    await store.release(attempt("a"))
    assert await store.begin(attempt("b"), NOW) == Started()


async def test_after_a_crash_the_key_is_free_when_its_lease_ends(store: IdempotencyStore) -> None:
    await store.begin(attempt("a"), NOW)
    assert await store.begin(attempt("b"), NOW + LEASE - timedelta(milliseconds=1)) == Running()
    assert await store.begin(attempt("b"), NOW + LEASE) == Started()


async def test_a_renewed_lease_holds_on(store: IdempotencyStore) -> None:
    await store.begin(attempt("a"), NOW)
    await store.renew(attempt("a"), NOW + 2 * LEASE)
    assert await store.begin(attempt("b"), NOW + LEASE) == Running()


async def test_who_lost_its_key_changes_nothing(store: IdempotencyStore) -> None:
    await store.begin(attempt("a"), NOW)
    later = Attempt("acme", "k", "b", NOW + 2 * LEASE)
    await store.begin(later, NOW + LEASE)
    await store.renew(attempt("a"), NOW + timedelta(days=1))
    await store.keep(attempt("a"), ANSWER, NOW + timedelta(days=1))
    await store.release(attempt("a"))
    assert await store.begin(attempt("c"), NOW + LEASE) == Running()
    assert await store.begin(attempt("c"), NOW + 2 * LEASE) == Started()


async def test_a_working_store_answers_a_ping(store: IdempotencyStore) -> None:
    await store.ping()
