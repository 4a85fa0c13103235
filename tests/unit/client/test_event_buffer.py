"""The buffer of the sync client."""

import logging
import subprocess
import sys
import threading

import httpx2
import pytest
from tests.unit.client.conftest import KEY
from tests.unit.client.recommender_stub import Stub

from contracts.events import Event, RejectedRecord
from recommender_client import BufferFull, Delivered, NotDelivered, Recommender, new_event


def test_a_full_batch_goes_out_by_itself(stub: Stub, client: Recommender) -> None:
    with client.event_buffer(max_events=3, max_seconds=60) as buffer:
        for _ in range(3):
            buffer.add(new_event("u", "i", "view"))
        with buffer._changed:
            assert buffer._changed.wait_for(lambda: buffer._backlog.settled == 3, 30)
    assert len(stub.seen) == 1


def test_an_event_goes_out_after_a_while_by_itself(stub: Stub, client: Recommender) -> None:
    with client.event_buffer(max_seconds=0.01) as buffer:
        buffer.add(new_event("u", "i", "view"))
        with buffer._changed:
            assert buffer._changed.wait_for(lambda: buffer._backlog.settled == 1, 30)


def test_flush_sends_what_is_here_and_waits_for_it(stub: Stub, client: Recommender) -> None:
    with client.event_buffer(max_seconds=60) as buffer:
        buffer.add(new_event("u", "i", "view", event_id="e1"))
        assert buffer.pending == 1
        buffer.flush()
        assert list(stub.events) == ["e1"]
        assert buffer.pending == 0


def test_many_threads_lose_nothing_through_a_flaky_connection(
    stub: Stub, client: Recommender
) -> None:
    stub.faults.extend([503, httpx2.ConnectError, httpx2.ReadTimeout, 429, 500])
    sent = [[f"{name}-{n}" for n in range(200)] for name in "abcd"]
    with client.event_buffer(max_events=50, max_seconds=0.01, capacity=100) as buffer:

        def add(names: list[str]) -> None:
            for name in names:
                buffer.add(new_event("u", "i", "view", event_id=name))

        threads = [threading.Thread(target=add, args=(names,)) for names in sent]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert buffer.close() == Delivered(accepted=800, duplicates=0, rejected=0)
    for names in sent:
        assert [name for name in stub.events if name[0] == names[0][0]] == names


def test_a_full_buffer_makes_its_callers_wait(stub: Stub, client: Recommender) -> None:
    stub.gate = threading.Event()
    with client.event_buffer(max_events=2, capacity=2, max_seconds=0) as buffer:
        buffer.add(new_event("u", "i", "view"))
        buffer.add(new_event("u", "i", "view"))
        with pytest.raises(BufferFull, match=r"within 0\.01 s"):
            buffer.add(new_event("u", "i", "view"), timeout_seconds=0.01)
        stub.gate.set()
        buffer.add(new_event("u", "i", "view"), timeout_seconds=10)
    assert len(stub.events) == 3


def test_rejected_events_are_told_of(stub: Stub, client: Recommender) -> None:
    told: list[tuple[Event, RejectedRecord]] = []
    bad, good = new_event("u", "bad", "view"), new_event("u", "good", "view")
    with client.event_buffer(on_rejected=lambda *one: told.append(one)) as buffer:
        for event in (good, bad, bad):
            buffer.add(event)
        buffer.flush()
        buffer.add(bad)
    assert [event for event, _ in told] == [bad, bad, bad]
    assert {one.code for _, one in told} == {"invalid"}
    assert buffer.delivered == Delivered(accepted=1, duplicates=0, rejected=3)


def test_rejected_events_are_logged_where_nobody_is_told(
    client: Recommender, caplog: pytest.LogCaptureFixture
) -> None:
    with client.event_buffer() as buffer:
        buffer.add(new_event("a-private-user", "bad", "view"))
    assert "1 events were rejected: invalid" in caplog.text
    assert "a-private-user" not in caplog.text


def test_a_callback_that_fails_stops_no_delivery(
    stub: Stub, client: Recommender, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise LookupError

    with client.event_buffer(on_rejected=fail) as buffer:
        buffer.add(new_event("u", "bad", "view"))
        buffer.flush()
        buffer.add(new_event("u", "good", "view"))
    assert len(stub.events) == 1
    assert "on_rejected failed" in caplog.text


def test_a_revoked_key_is_told_to_the_next_caller_and_at_the_end(
    stub: Stub, client: Recommender
) -> None:
    stub.faults.append(401)
    buffer = client.event_buffer(max_seconds=60)
    first = new_event("u", "i", "view")
    buffer.add(first)
    for again in (buffer.flush, lambda: buffer.add(new_event("u", "i", "view")), buffer.close):
        with pytest.raises(
            NotDelivered, match="1 events were not delivered: 401 stubbed"
        ) as raised:
            again()
        assert raised.value.events == [first]


def test_closing_in_vain_hands_the_events_back(stub: Stub, client: Recommender) -> None:
    stub.faults.extend([httpx2.ConnectError] * 1_000)
    buffer = client.event_buffer(max_seconds=60)
    events = [new_event("u", "i", "view") for _ in range(3)]
    for event in events:
        buffer.add(event)
    with pytest.raises(NotDelivered, match="3 events were not delivered: no answer") as raised:
        buffer.close(timeout_seconds=0.05)
    assert raised.value.events == events
    stub.faults.clear()
    # The attempt that was on its way may have arrived after all.
    again = client.events.send(raised.value.events)
    assert again.accepted + again.duplicates == len(stub.events) == 3


def test_a_flush_in_vain_keeps_the_events(stub: Stub, client: Recommender) -> None:
    stub.gate = threading.Event()
    with client.event_buffer(max_seconds=60) as buffer:
        buffer.add(new_event("u", "i", "view"))
        with pytest.raises(NotDelivered):
            buffer.flush(timeout_seconds=0.01)
        assert buffer.pending == 1
        stub.gate.set()
    assert len(stub.events) == 1


def test_a_closed_buffer_takes_nothing(client: Recommender) -> None:
    buffer = client.event_buffer()
    assert buffer.close() == buffer.close() == Delivered()
    with pytest.raises(RuntimeError, match="closed"):
        buffer.add(new_event("u", "i", "view"))


def test_a_hook_that_fails_is_told(client: Recommender) -> None:
    def fail() -> dict[str, str]:
        raise LookupError("the hook's own failure")

    hooked = Recommender("http://recs.test", KEY, headers=fail)
    buffer = hooked.event_buffer()
    buffer.add(new_event("u", "i", "view"))
    with pytest.raises(NotDelivered, match="the hook's own failure"):
        buffer.close()


def test_a_process_that_ends_sends_or_says_what_is_lost() -> None:
    code = f"""
import httpx2, logging
from recommender_client import Recommender, new_event
logging.basicConfig()
def answer(request):
    print(request.method, request.url.path, flush=True)
    return httpx2.Response(STATUS, json={{"accepted": 1, "duplicates": 0, "rejected": []}})
client = Recommender("http://recs.test", "{KEY}", transport=httpx2.MockTransport(answer))
client.event_buffer(max_seconds=60).add(new_event("u", "i", "view"))
"""
    results = [
        subprocess.run(
            [sys.executable, "-c", code.replace("STATUS", status)],
            capture_output=True,
            text=True,
            check=True,
        )
        for status in ("200", "401")
    ]
    assert [result.stdout for result in results] == ["POST /api/v1/events\n"] * 2
    assert results[0].stderr == ""
    assert "the process ends with events that were not sent: 1 events" in results[1].stderr


def test_the_log_says_nothing_of_events_that_arrive(
    client: Recommender, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), client.event_buffer() as buffer:
        buffer.add(new_event("u", "i", "view"))
    assert caplog.text == ""
