"""One effect for one Idempotency-Key: an attempt, and the answer that is kept of it."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request under an Idempotency-Key: whose it is, and who holds it until when.

    `owner` is a tenant id, or `@operator`, which no tenant can be called.
    """

    owner: str
    key: str
    attempt_id: str
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The answer of a request and the request's fingerprint."""

    fingerprint: str
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Started:
    """Nobody had the key: the attempt has it now."""


@dataclass(frozen=True, slots=True)
class Running:
    """Another attempt has the key, and no answer yet."""


Begun = Started | Running | KeptAnswer


def is_idempotency_key(text: str) -> bool:
    """Whether the text has 1 to 255 visible ASCII characters and no others."""
    return _KEY.fullmatch(text) is not None
