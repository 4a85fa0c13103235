"""Asking again: when, how often, for how long, and always as the same request."""

import time
from collections import deque

import httpx2
import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.client.conftest import QUICK, sync_client
from tests.unit.client.recommender_stub import Fault, Stub, problem

from recommender_client import (
    ApiError,
    AsyncRecommender,
    ConnectionFailed,
    NotFound,
    RateLimited,
    Recommender,
    RetryPolicy,
    TimedOut,
    Unavailable,
)
from recommender_client.models import DataType, FileFormat, ItemContent

TRANSIENT: list[Fault] = [502, 503, 504, 429, httpx2.ConnectError, httpx2.ReadTimeout]


@pytest.mark.parametrize("fault", TRANSIENT, ids=str)
def test_what_may_pass_is_asked_again(stub: Stub, client: Recommender, fault: Fault) -> None:
    stub.faults = deque([fault, fault])
    assert len(client.recommendations.for_user("u", num_items=3).items) == 3
    assert len(stub.seen) == 3


@pytest.mark.anyio
async def test_an_async_client_asks_again_as_well(
    stub: Stub, async_client: AsyncRecommender
) -> None:
    stub.faults = deque([httpx2.ConnectError, 503])
    answer = await async_client.recommendations.for_user("u", num_items=3)
    assert len(answer.items) == 3
    assert len(stub.seen) == 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (503, Unavailable),
        (429, RateLimited),
        (httpx2.ConnectError, ConnectionFailed),
        (httpx2.ReadTimeout, TimedOut),
    ],
)
def test_the_last_failure_is_raised_when_the_attempts_are_used_up(
    stub: Stub, client: Recommender, fault: Fault, error: type[Exception]
) -> None:
    stub.faults = deque([fault] * 9)
    with pytest.raises(error):
        client.items.get("i")
    assert len(stub.seen) == QUICK.max_attempts


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 413, 422, 500, 501])
def test_what_will_not_pass_is_asked_once(stub: Stub, client: Recommender, status: int) -> None:
    stub.faults = deque([status] * 2)
    with pytest.raises(ApiError) as raised:
        client.items.get("i")
    assert raised.value.status == status
    assert len(stub.seen) == 1


def test_a_write_keeps_its_idempotency_key_over_its_attempts(
    stub: Stub, client: Recommender
) -> None:
    stub.faults = deque([503, httpx2.ReadTimeout])
    client.items.put("i", ItemContent(title="One"))
    client.items.put("i", ItemContent(title="One"))
    keys = [seen.headers["idempotency-key"] for seen in stub.seen]
    assert len(keys) == 4
    assert len(set(keys[:3])) == 1
    assert keys[3] != keys[0]


def test_reads_carry_no_idempotency_key(stub: Stub, client: Recommender) -> None:
    client.recommendations.for_user("u")
    with pytest.raises(NotFound):
        client.items.get("i")
    assert not any("idempotency-key" in seen.headers for seen in stub.seen)


def test_retry_after_is_waited_for(
    stub: Stub, portal: BlockingPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    answer = problem(429)
    answer.headers["retry-after"] = "7"
    stub.faults.append(lambda: answer)
    policy = RetryPolicy(base_seconds=0.5)
    with sync_client(stub, portal, retries=policy) as client:
        client.recommendations.for_user("u")
    assert len(slept) == 1
    assert 7.0 <= slept[0] <= 7.5


def test_a_wait_beyond_the_time_allowed_is_not_begun(stub: Stub, portal: BlockingPortal) -> None:
    answer = problem(429)
    answer.headers["retry-after"] = "3600"
    stub.faults.append(lambda: answer)
    with sync_client(stub, portal) as client, pytest.raises(RateLimited) as raised:
        client.recommendations.for_user("u")
    assert raised.value.retry_after == 3600
    assert len(stub.seen) == 1


def test_a_time_in_retry_after_is_understood(stub: Stub, client: Recommender) -> None:
    answer = problem(503)
    answer.headers["retry-after"] = "Wed, 21 Oct 2015 07:28:00 GMT"
    stub.faults = deque([lambda: answer] * 3)
    with pytest.raises(Unavailable) as raised:
        client.items.get("i")
    assert raised.value.retry_after == 0


def test_an_answer_to_the_lost_attempt_is_waited_for(stub: Stub, client: Recommender) -> None:
    in_use = problem(409, "idempotency_key_in_use")
    in_use.headers["retry-after"] = "0"
    stub.faults = deque([httpx2.ReadTimeout, lambda: in_use])
    assert client.items.put("i", ItemContent()).version == 1
    assert len(stub.seen) == 3


def test_an_upload_from_an_iterator_is_sent_once_only(stub: Stub, client: Recommender) -> None:
    stub.faults.append(503)
    with pytest.raises(Unavailable):
        client.imports.start(DataType.ITEMS, iter([b"{}\n"]), file_format=FileFormat.JSONL)
    assert len(stub.seen) == 1


@given(
    failures=st.integers(1, 2_000),
    base=st.floats(0, 10, allow_nan=False),
    cap=st.floats(0, 60, allow_nan=False),
)
def test_a_pause_is_never_longer_than_its_bounds(failures: int, base: float, cap: float) -> None:
    pause = RetryPolicy(base_seconds=base, cap_seconds=cap).backoff(failures)
    assert 0 <= pause <= min(cap, base * 2.0 ** min(failures - 1, 60))


def test_pauses_are_spread_over_their_whole_range() -> None:
    policy = RetryPolicy(base_seconds=1, cap_seconds=1)
    pauses = [policy.backoff(1) for _ in range(1_000)]
    assert min(pauses) < 0.1
    assert max(pauses) > 0.9


@pytest.mark.parametrize(
    "bad", [{"max_attempts": 0}, {"max_seconds": -1}, {"base_seconds": -1}, {"cap_seconds": -1}]
)
def test_a_policy_without_sense_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="max_attempts"):
        RetryPolicy(**bad)  # pyright: ignore[reportArgumentType]
