import json

import pytest

from backend_api.domain.sent_events import MAX_HEEDED_BYTES, SentEvent, sent_events

EVENT = {"user_id": "u", "item_id": "i", "event_type": "click", "recommendation_id": "r"}


def batch(*events: object) -> bytes:
    return json.dumps({"events": events}).encode()


def test_the_events_of_a_batch_are_read_in_their_order() -> None:
    other = {"user_id": "v", "item_id": "j", "event_type": "view", "value": 1}
    assert sent_events(batch(EVENT, other)) == [
        SentEvent("u", "i", "click", "r"),
        SentEvent("v", "j", "view", None),
    ]


def test_rejected_events_are_none_of_it() -> None:
    events = [{**EVENT, "item_id": str(place)} for place in range(4)]
    assert [one.item_id for one in sent_events(batch(*events), {0, 2})] == ["1", "3"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"events": 1}',
        b'{"events": {}}',
        b'{"events": [1, null, {}, {"user_id": 5, "item_id": "i", "event_type": "view"}]}',
    ],
    ids=range(6),
)
def test_what_is_no_event_is_none(body: bytes) -> None:
    assert sent_events(body) == []


def test_a_recommendation_id_that_is_none_spoils_no_event() -> None:
    assert sent_events(batch({**EVENT, "recommendation_id": 5}))[0].recommendation_id is None


def test_a_batch_of_history_is_not_heeded() -> None:
    body = batch(EVENT)
    assert sent_events(body + b" " * (MAX_HEEDED_BYTES - len(body)))
    assert sent_events(body + b" " * (MAX_HEEDED_BYTES - len(body) + 1)) == []
