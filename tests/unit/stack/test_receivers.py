"""What Alertmanager would send to the world is recorded."""

from collections.abc import Iterator

import httpx2
import pytest

from stack.programs.receivers import Receivers


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    made = Receivers()
    yield made
    made.close()


def test_a_notification_is_recorded_with_its_kind_and_receiver(receivers: Receivers) -> None:
    body = {"status": "firing"}
    answer = httpx2.post(f"{receivers.url}/slack/critical-alerts", json=body)
    assert answer.status_code == 200
    assert httpx2.post(f"{receivers.url}/pagerduty/critical-alerts", json={}).status_code == 202
    found = receivers.wait_for(lambda one: one.kind == "slack", seconds=5)
    assert (found.receiver, found.body) == ("critical-alerts", body)
    assert [one.kind for one in receivers.notifications()] == ["slack", "pagerduty"]


def test_waiting_for_what_does_not_come_ends(receivers: Receivers) -> None:
    with pytest.raises(TimeoutError):
        receivers.wait_for(lambda one: one.kind == "slack", seconds=0.05)
