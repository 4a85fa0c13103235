"""API keys: `rk_<key id>_<secret>`, of which only the SHA-256 is ever stored."""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_ALPHABET: Final = string.digits + string.ascii_letters
_ID_LENGTH: Final = 12
# 43 characters of 62 hold 256 bits: nobody guesses them, so one fast hash is enough.
_SECRET_LENGTH: Final = 43
_FORM: Final = re.compile(
    rf"rk_([0-9A-Za-z]{{{_ID_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH}}}", re.ASCII
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is stored: all but its secret."""

    key_id: str
    tenant_id: str
    key_hash: str
    created_at: datetime
    revoked_at: datetime | None = None

    def admits(self, digest: str) -> bool:
        """Whether the key that hashes to `digest` is this one and not revoked."""
        return hmac.compare_digest(self.key_hash, digest) and self.revoked_at is None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: a tenant, by one of its keys."""

    tenant_id: str
    key_id: str


def new_api_key() -> str:
    """A fresh random key; it cannot be had again from what is stored."""
    return f"rk_{_random(_ID_LENGTH)}_{_random(_SECRET_LENGTH)}"


def key_id_of(key: str) -> str | None:
    """The public part of a key; None where the text is no key."""
    match = _FORM.fullmatch(key)
    return match[1] if match else None


def hash_key(key: str) -> str:
    """SHA-256 of the whole key, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
