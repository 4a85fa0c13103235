"""A bounded map forgets by age, and what was used longest ago."""

from hypothesis import given
from hypothesis import strategies as st

from backend_api.domain.expiring import ExpiringMap


def test_an_entry_ends_with_its_time() -> None:
    now = [0.0]
    kept = ExpiringMap[str, int](max_weight=10, ttl_seconds=5, clock=lambda: now[0])
    kept.put("a", 1)
    now[0] = 4.9
    assert kept.get("a") == 1
    now[0] = 5.0
    assert kept.get("a") is None
    assert len(kept) == 0


def test_the_least_recently_used_goes_first() -> None:
    kept = ExpiringMap[str, int](max_weight=2, ttl_seconds=5)
    kept.put("a", 1)
    kept.put("b", 2)
    kept.get("a")
    kept.put("c", 3)
    assert list(kept) == ["a", "c"]


def test_what_is_heavier_than_the_map_is_not_kept() -> None:
    kept = ExpiringMap[str, bytes](max_weight=3, ttl_seconds=5, weight=len)
    kept.put("a", b"12")
    kept.put("b", b"1234")
    assert list(kept) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.binary(max_size=8))))
def test_the_weight_never_passes_its_bound(puts: list[tuple[int, bytes]]) -> None:
    kept = ExpiringMap[int, bytes](max_weight=12, ttl_seconds=5, weight=len)
    for key, value in puts:
        kept.put(key, value)
        assert sum(len(kept.get(key) or b"") for key in list(kept)) <= 12
        assert kept.get(key) == value
