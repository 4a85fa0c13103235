"""The usage meter: every count is written once, whatever fails."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_api.domain.access import Access
from backend_api.domain.usage import UsageBatch, UsageCount, UsageKey
from backend_api.services.metering import UsageMeter
from backend_api.services.quotas import Quotas
from backends.ports import PortUnavailable

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
ACME = Access("k1", "acme", frozenset({"read"}), price=500_000, currency="EUR")


class FailingStore:
    """A UsageStore that fails as it is told: before writing, or after it."""

    def __init__(self) -> None:
        self.batches: dict[str, dict[UsageKey, int]] = {}
        self.last_used: dict[str, datetime] = {}
        self.faults: list[str] = []
        self.reads = 0

    async def add(self, batch: UsageBatch) -> None:
        fault = self.faults.pop(0) if self.faults else "none"
        await asyncio.sleep(0)
        if fault != "before":
            counts = {key: count.requests for key, count in batch.counts.items()}
            known = self.batches.setdefault(batch.batch_id, counts)
            assert known == counts, "a batch changed between two attempts"
            self.last_used.update(batch.last_used)
        if fault != "none":
            raise PortUnavailable("the database is not available")

    def total(self) -> int:
        return sum(sum(batch.values()) for batch in self.batches.values())

    async def requests_since(self, tenant_id: str, day: date) -> int:
        self.reads += 1
        await asyncio.sleep(0)
        return self.total()

    async def counts(
        self, first: date, last: date, tenant_id: str | None
    ) -> Sequence[tuple[date, str, UsageCount]]:
        return []

    async def ping(self) -> None: ...
    async def close(self) -> None: ...


class Seen:
    def __init__(self) -> None:
        self.cost = 0

    def used(self, key: UsageKey, tokens: int, cost: int) -> None:
        self.cost += cost


def meter_over(store: FailingStore) -> UsageMeter:
    return UsageMeter(store, Seen(), lambda: NOW)


def count(meter: UsageMeter, times: int = 1, access: Access = ACME) -> None:
    for _ in range(times):
        meter.count(access, "/api/v1/x", billed=True, tokens=1)


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["none", "before", "after"]))))
def test_nothing_is_lost_and_nothing_counts_twice(steps: list[tuple[int, str]]) -> None:
    store = FailingStore()
    meter = meter_over(store)

    async def run() -> None:
        for times, fault in steps:
            count(meter, times)
            store.faults = [fault]
            try:
                await meter.flush()
            except PortUnavailable:
                continue
        store.faults = []
        await meter.flush()

    asyncio.run(run())
    assert store.total() == sum(times for times, _ in steps)


async def test_requests_during_a_flush_are_in_the_next_batch() -> None:
    store = FailingStore()
    meter = meter_over(store)
    count(meter, 2)
    flush = asyncio.create_task(meter.flush())
    await asyncio.sleep(0)
    count(meter, 3)
    await flush
    assert store.total() == 2
    await meter.flush()
    assert store.total() == 5


async def test_what_waits_is_among_the_requests_of_the_month() -> None:
    store = FailingStore()
    meter = meter_over(store)
    count(meter, 2)
    store.faults = ["before"]
    with pytest.raises(PortUnavailable):
        await meter.flush()
    count(meter, 3)
    assert await meter.requests_since("acme", date(2026, 11, 1)) == 5
    await meter.flush()
    assert await meter.requests_since("acme", date(2026, 11, 1)) == 5


async def test_an_operators_request_costs_nothing_but_is_a_use_of_its_key() -> None:
    store = FailingStore()
    meter = meter_over(store)
    count(meter, access=Access("k2", None, frozenset({"admin"})))
    await meter.flush()
    assert store.total() == 0
    assert store.last_used == {"k2": NOW}


async def test_only_what_is_billed_costs_and_has_tokens() -> None:
    store, seen = FailingStore(), Seen()
    meter = UsageMeter(store, seen, lambda: NOW)
    meter.count(ACME, "/api/v1/x", billed=False, tokens=10)
    assert seen.cost == 0
    meter.count(ACME, "/api/v1/x", billed=True, tokens=10)
    assert seen.cost == ACME.price


async def test_a_quota_is_known_without_reading_until_it_is_old() -> None:
    store, now = FailingStore(), 0.0
    meter = meter_over(store)
    quotas = Quotas(meter, refresh_seconds=5, elapsed=lambda: now)
    month = date(2026, 11, 1)
    assert [await quotas.used("acme", month) for _ in range(4)] == [0, 1, 2, 3]
    assert store.reads == 1
    count(meter, 4)
    now = 5.0
    assert await quotas.used("acme", month) == 4
    assert store.reads == 2
    assert await quotas.used("acme", date(2026, 12, 1)) == 0
    assert store.reads == 3


async def test_many_at_once_read_a_quota_once() -> None:
    store = FailingStore()
    quotas = Quotas(meter_over(store), refresh_seconds=5, elapsed=lambda: 0.0)
    used = await asyncio.gather(*(quotas.used("acme", date(2026, 11, 1)) for _ in range(20)))
    assert sorted(used) == list(range(20))
    assert store.reads == 1
