"""Answers wait in memory, are found at once, and are written in batches."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from backend_api.domain.product_errors import RecommendationNotFound
from backend_api.domain.recommendations import (
    LoggedRecommendation,
    first_recommendation_id,
    new_recommendation_id,
)
from backend_api.services.recommendation_log import RecommendationLog
from backends.ports import PortUnavailable

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 1, 31, tzinfo=UTC)


class Store:
    def __init__(self) -> None:
        self.kept: dict[str, LoggedRecommendation] = {}
        self.away = False
        self.batches: list[int] = []

    async def add(self, entries: Sequence[LoggedRecommendation]) -> None:
        if self.away:
            raise PortUnavailable("away")
        self.batches.append(len(entries))
        self.kept |= {entry.recommendation_id: entry for entry in entries}

    async def find(self, tenant_id: str, recommendation_id: str) -> LoggedRecommendation | None:
        entry = self.kept.get(recommendation_id)
        return entry if entry and entry.tenant_id == tenant_id else None

    async def purge(self, before_id: str, limit: int) -> int:
        old = sorted(one for one in self.kept if one < before_id)[:limit]
        for one in old:
            del self.kept[one]
        return len(old)

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


def entry(tenant_id: str = "acme", user_id: str | None = "u") -> LoggedRecommendation:
    made = new_recommendation_id()
    return LoggedRecommendation(made, tenant_id, user_id, NOW, b"{}", b'{"items":[]}')


def log_over(store: Store, **options: Any) -> RecommendationLog:
    return RecommendationLog(store, keep=timedelta(days=7), **options)


async def test_an_answer_is_found_before_and_after_it_is_written() -> None:
    store = Store()
    log, one = log_over(store), entry()
    log.add(one)
    assert await log.find("acme", one.recommendation_id) is one
    assert not store.kept
    await log.flush()
    assert len(log) == 0
    assert await log.find("acme", one.recommendation_id) is one


async def test_another_tenants_answer_is_not_found() -> None:
    log, one = log_over(Store()), entry()
    log.add(one)
    with pytest.raises(RecommendationNotFound):
        await log.find("globex", one.recommendation_id)
    await log.flush()
    with pytest.raises(RecommendationNotFound):
        await log.find("globex", one.recommendation_id)


async def test_many_answers_go_in_batches() -> None:
    store = Store()
    log = log_over(store)
    for _ in range(2_500):
        log.add(entry())
    await log.flush()
    assert store.batches == [1_000, 1_000, 500]


async def test_answers_wait_while_the_storage_is_away() -> None:
    store = Store()
    log, one = log_over(store), entry()
    log.add(one)
    store.away = True
    with pytest.raises(PortUnavailable):
        await log.flush()
    assert await log.find("acme", one.recommendation_id) is one
    store.away = False
    await log.flush()
    assert list(store.kept) == [one.recommendation_id]


async def test_the_oldest_are_lost_where_too_many_wait_and_are_counted() -> None:
    lost: list[int] = []
    log = log_over(Store(), max_pending_bytes=1_000, on_lost=lost.append)
    entries = [entry() for _ in range(10)]
    for one in entries:
        log.add(one)
    assert sum(lost) == 10 - len(log)
    assert 0 < len(log) < 10
    assert await log.find("acme", entries[-1].recommendation_id) is entries[-1]
    with pytest.raises(RecommendationNotFound):
        await log.find("acme", entries[0].recommendation_id)


async def test_a_round_outlives_a_storage_that_is_away() -> None:
    store = Store()
    log = log_over(store, flush_seconds=0.5)
    log.add(entry())
    store.away = True
    assert await log.write_waiting() == 0.5
    store.away = False
    await log.write_waiting()
    assert len(store.kept) == 1


async def test_an_answer_that_another_replica_just_gave_is_waited_for() -> None:
    store, one = Store(), entry()
    there, here = log_over(store, flush_seconds=0.05), log_over(store, flush_seconds=0.05)
    there.add(one)
    async with anyio.create_task_group() as group:
        group.start_soon(there.flush)
        assert await here.find("acme", one.recommendation_id) is one


async def test_an_old_answer_that_is_nowhere_is_not_waited_for() -> None:
    log = log_over(Store(), flush_seconds=3600.0, clock=lambda: NOW)
    with pytest.raises(RecommendationNotFound):
        await log.find("acme", first_recommendation_id(NOW - timedelta(hours=3)))


async def test_a_users_waiting_answers_are_forgotten() -> None:
    log = log_over(Store())
    mine, other, foreign = entry(), entry(user_id="v"), entry("globex")
    for one in (mine, other, foreign):
        log.add(one)
    assert await log.forget("acme", ["u", "session"]) == 1
    with pytest.raises(RecommendationNotFound):
        await log.find("acme", mine.recommendation_id)
    assert await log.find("acme", other.recommendation_id) is other
    assert await log.find("globex", foreign.recommendation_id) is foreign


async def test_what_is_over_its_time_is_purged() -> None:
    store = Store()
    log, one = log_over(store), entry()
    log.add(one)
    await log.flush()
    made = datetime.now(UTC)
    await log.purge(made + timedelta(days=6, hours=23))
    assert store.kept
    await log.purge(made + timedelta(days=7, seconds=1))
    assert not store.kept


def test_ids_made_before_a_moment_sort_before_its_first() -> None:
    before = first_recommendation_id(datetime.now(UTC))
    made = new_recommendation_id()
    after = first_recommendation_id(datetime.now(UTC) + timedelta(milliseconds=1))
    assert before <= made < after
