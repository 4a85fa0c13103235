from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_api.domain.sent_events import SentEvent
from backend_api.services.click_through import ClickThrough


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def events(*ids: str | None, event_type: str = "click") -> list[SentEvent]:
    return [SentEvent("u", "i", event_type, one) for one in ids]


def counts(clicks: ClickThrough) -> dict[tuple[str, str], tuple[int, int]]:
    return {key: (one.answers, one.clicked) for key, one in clicks.by_version().items()}


def test_an_answer_is_clicked_once_however_many_clicks_it_gets() -> None:
    clicks = ClickThrough()
    for number in range(4):
        clicks.given("acme", f"r{number}", "v1")
    clicks.sent("acme", events("r1", "r1", "unknown", None))
    clicks.sent("acme", events("r1"))
    assert counts(clicks) == {("acme", "v1"): (4, 1)}
    assert clicks.by_version()["acme", "v1"].rate == 0.25


def test_versions_and_tenants_are_told_apart() -> None:
    clicks = ClickThrough()
    clicks.given("acme", "r1", "v1")
    clicks.given("acme", "r2", "v2")
    clicks.given("globex", "r3", "v1")
    clicks.sent("acme", events("r2", "r3"))
    assert counts(clicks) == {
        ("acme", "v1"): (1, 0),
        ("acme", "v2"): (1, 1),
        ("globex", "v1"): (1, 0),
    }


@pytest.mark.parametrize("event_type", ["view", "impression", "purchase"])
def test_only_clicks_are_clicks(event_type: str) -> None:
    clicks = ClickThrough()
    clicks.given("acme", "r1", "v1")
    clicks.sent("acme", events("r1", event_type=event_type))
    assert counts(clicks) == {("acme", "v1"): (1, 0)}


def test_answers_beyond_the_window_are_forgotten_with_their_clicks() -> None:
    clock = Clock()
    clicks = ClickThrough(window_seconds=60, clock=clock)
    clicks.given("acme", "old", "v1")
    clicks.sent("acme", events("old"))
    clock.now += 61
    assert counts(clicks) == {}
    clicks.given("acme", "new", "v2")
    clicks.sent("acme", events("old"))
    assert counts(clicks) == {("acme", "v2"): (1, 0)}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_no_more_answers_are_remembered_than_there_is_room_for(
    given_answers: Sequence[tuple[str, bool]],
) -> None:
    clicks = ClickThrough(capacity=10)
    for number, (version, is_clicked) in enumerate(given_answers):
        clicks.given("acme", f"r{number}", version)
        if is_clicked:
            clicks.sent("acme", events(f"r{number}"))
    kept = given_answers[-10:]
    expected = {
        ("acme", version): (
            sum(v == version for v, _ in kept),
            sum(v == version and c for v, c in kept),
        )
        for version in {version for version, _ in kept}
    }
    assert sum(answers for answers, _ in counts(clicks).values()) <= 10
    if len(given_answers) < 10:
        assert counts(clicks) == expected
