import string
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrumentation.context import hash_user
from instrumentation.redaction import REDACTED, redact, redact_mapping

KEY = f"rk_{'a1B2' * 3}_{'z9Y8' * 10}abc"


@pytest.mark.parametrize(
    "text",
    [
        f"key {KEY} was used",
        f"https://host/path?key={KEY}",
        f"Authorization: Bearer {KEY}",
        f'{{"authorization": "Bearer {KEY}"}}',
        f"[(b'x-api-key', b'{KEY}')]",
    ],
)
def test_an_api_key_never_survives(text: str) -> None:
    assert KEY not in redact(text)
    assert KEY[16:40] not in redact(text)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("bearer abcdef0123456789", "abcdef0123456789"),
        ("X-API-Key: s3cr3t-value", "s3cr3t-value"),
        ("(b'x-api-key', b's3cr3t')", "s3cr3t"),
        ('{\\"authorization\\": \\"Basic dXNlcjpwYXNz\\"}', "dXNlcjpwYXNz"),
        ("password=hunter2&x=1", "hunter2"),
        ("postgresql://user:hunter2@db:5432/x", "hunter2"),
        ("postgresql://user:hun@ter2@db:5432/x", "ter2"),
        ("write to Jane.Doe+tag@example.co.uk now", "Doe"),
        ("GET /users/jane%40example.com", "jane"),
    ],
)
def test_credentials_and_addresses_never_survive(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert REDACTED in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "loaded 12 tokens from the snapshot",
        "GET /api/v1/items/42 200",
        "the key of tenant acme expired",
        "a @ b",
    ],
)
def test_plain_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_nested_values_are_redacted_by_key_and_content() -> None:
    safe = redact_mapping(
        {
            "headers": {"Authorization": "anything", "accept": "*/*"},
            "rows": [{"mail": "a@example.com"}, ("b@example.com",)],
            "raw": b"c@example.com",
            "error": ValueError("d@example.com"),
            "count": 3,
        }
    )
    assert safe["headers"] == {"Authorization": REDACTED, "accept": "*/*"}
    assert "example.com" not in str(safe)
    assert safe["count"] == 3


def test_a_user_id_becomes_its_hash() -> None:
    safe: dict[str, Any] = redact_mapping({"user_id": "u-1"})
    assert safe == {"user_hash": hash_user("u-1")}


PRINTABLE = st.text(string.printable, max_size=30)


@settings(max_examples=40)
@given(PRINTABLE, st.text("abcXYZ019", min_size=12, max_size=12), PRINTABLE)
def test_a_key_is_found_in_any_surrounding_text(before: str, identity: str, after: str) -> None:
    key = f"rk_{identity}_{'k' * 43}"
    assert key not in redact(f"{before} {key} {after}")


@pytest.mark.parametrize("unit", ["a", "a.", "@", "://", "key:", "rk_", "a@", "%40"])
def test_a_long_hostile_text_takes_no_long_time(unit: str) -> None:
    started = time.process_time()
    redact(unit * (65_536 // len(unit)) + "@ key")
    assert time.process_time() - started < 1
