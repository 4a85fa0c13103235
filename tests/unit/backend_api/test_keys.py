"""The form of API keys, and what is kept of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_api.domain.access import Access
from backend_api.domain.keys import KeyRecord, hash_key, is_strong, key_id_of, new_api_key


def test_a_new_key_has_the_documented_form() -> None:
    assert re.fullmatch(r"rk_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}", new_api_key())


def test_new_keys_differ_in_id_and_secret() -> None:
    first, second = new_api_key().split("_"), new_api_key().split("_")
    assert first[1] != second[1]
    assert first[2] != second[2]


def test_the_key_id_is_the_middle_part() -> None:
    assert key_id_of(f"rk_{'a' * 12}_{'b' * 43}") == "a" * 12


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rk_",
        f"rk_{'a' * 12}_{'b' * 42}",
        f"rk_{'a' * 12}_{'b' * 44}",
        f"rk_{'a' * 12}_{'b' * 43}\n",
        f"sk_{'a' * 12}_{'b' * 43}",
        f"rk_{'٣' * 12}_{'b' * 43}",
    ],
)
def test_other_texts_have_no_key_id(text: str) -> None:
    assert key_id_of(text) is None


@given(st.text())
def test_any_text_may_be_asked_for_its_key_id(text: str) -> None:
    assert key_id_of(text) is None


def record(key: str, *, revoked: bool = False) -> KeyRecord:
    access = Access(key_id_of(key) or "", "acme", frozenset())
    return KeyRecord(access, hash_key(key), revoked)


def test_a_key_admits_its_own_digest_only() -> None:
    key, other = new_api_key(), new_api_key()
    assert record(key).admits(hash_key(key))
    assert not record(key).admits(hash_key(other))


def test_a_revoked_key_admits_nobody() -> None:
    key = new_api_key()
    assert not record(key, revoked=True).admits(hash_key(key))


def test_the_stored_form_does_not_hold_the_secret() -> None:
    key = new_api_key()
    assert key.rpartition("_")[2] not in repr(record(key))


def test_made_keys_are_strong_and_monotonous_ones_weak() -> None:
    assert all(is_strong(new_api_key()) for _ in range(1_000))
    assert not is_strong(f"rk_{'a' * 12}_{'b' * 43}")
    assert not is_strong("password")
