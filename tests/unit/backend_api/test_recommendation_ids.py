"""Recommendation ids: UUIDs that sort by time."""

import time
from uuid import RFC_4122, UUID

import pytest

from backend_api.domain import recommendations
from backend_api.domain.recommendations import new_recommendation_id


def test_an_id_is_a_uuid_of_version_7() -> None:
    for _ in range(100):
        made = UUID(new_recommendation_id())
        assert made.version == 7
        assert made.variant == RFC_4122


def test_an_id_begins_with_the_millisecond_of_its_making() -> None:
    before = time.time_ns() // 1_000_000
    made = UUID(new_recommendation_id()).int >> 80
    assert before <= made <= time.time_ns() // 1_000_000


def test_ids_of_one_millisecond_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recommendations.time, "time_ns", lambda: 1_700_000_000_000_000_000)
    assert len({new_recommendation_id() for _ in range(1_000)}) == 1_000
