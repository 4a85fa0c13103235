"""Events made by the client."""

import time
from datetime import UTC, datetime
from uuid import RFC_4122, UUID

from recommender_client import new_event, new_event_id


def test_ids_are_uuids_of_version_7_in_the_order_of_time() -> None:
    before = time.time_ns() // 1_000_000
    ids = [UUID(new_event_id()) for _ in range(1_000)]
    after = time.time_ns() // 1_000_000
    assert len(set(ids)) == 1_000
    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}
    times = [one.int >> 80 for one in ids]
    assert before <= times[0]
    assert times[-1] <= after
    assert times == sorted(times)


def test_an_event_is_of_now_unless_said_otherwise() -> None:
    before = datetime.now(UTC)
    event = new_event("u", "i", "view", value=2.5)
    assert before <= event.timestamp <= datetime.now(UTC)
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    given = new_event("u", "i", "view", timestamp=moment, event_id="e", recommendation_id="r")
    assert (given.timestamp, given.event_id, given.recommendation_id) == (moment, "e", "r")
