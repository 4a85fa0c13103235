"""API keys: `rk_<key id>_<secret>`, of which only the SHA-256 is ever stored."""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass
from typing import Final

from backend_api.domain.access import Access
from contracts.public.access import ApiKey

_ALPHABET: Final = string.digits + string.ascii_letters
_ID_LENGTH: Final = 12
# 43 characters of 62 hold 256 bits: nobody guesses them, so one fast hash is enough.
_SECRET_LENGTH: Final = 43
# Of 43 random characters fewer than 16 differ once in more than 10^12 times.
_MIN_DISTINCT: Final = 16
_FORM: Final = re.compile(
    rf"rk_([0-9A-Za-z]{{{_ID_LENGTH}}})_([0-9A-Za-z]{{{_SECRET_LENGTH}}})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is stored: all but its secret."""

    key: ApiKey
    key_hash: str


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What the store knows of a key when somebody shows it."""

    access: Access
    key_hash: str
    revoked: bool

    def admits(self, digest: str) -> bool:
        """Whether the key that hashes to `digest` is this one and not revoked."""
        return hmac.compare_digest(self.key_hash, digest) and not self.revoked


def new_api_key() -> str:
    """A fresh random key; it cannot be had again from what is stored."""
    return f"rk_{_random(_ID_LENGTH)}_{_random(_SECRET_LENGTH)}"


def key_id_of(key: str) -> str | None:
    """The public part of a key; None where the text is no key."""
    match = _FORM.fullmatch(key)
    return match[1] if match else None


def is_strong(key: str) -> bool:
    """Whether a key that a person chose has the form of a key and looks random."""
    match = _FORM.fullmatch(key)
    return match is not None and len(set(match[2])) >= _MIN_DISTINCT


def hash_key(key: str) -> str:
    """SHA-256 of the whole key, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
