"""Recommendations as they are served and kept."""

import secrets
import time
from dataclasses import dataclass
from datetime import datetime

from contracts.public.recommendations import ServedRecommendations

_RANDOM_BITS = 74


@dataclass(frozen=True, slots=True)
class LoggedRecommendation:
    """An answer as it went out and what was asked, both as JSON.

    `user_id` is None for an answer to a history, an item or a context.
    """

    recommendation_id: str
    tenant_id: str
    user_id: str | None
    created_at: datetime
    request: bytes
    answer: bytes


@dataclass(frozen=True, slots=True)
class Served:
    """An answer and its JSON; `fault` says why it is degraded, None for a live one."""

    answer: ServedRecommendations
    content: bytes
    fault: str | None = None


def new_recommendation_id() -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits.

    Ids sort by the millisecond of their making; within one millisecond their order is random.
    """
    return _uuid7(time.time_ns() // 1_000_000, secrets.randbits(_RANDOM_BITS))


def first_recommendation_id(moment: datetime) -> str:
    """The least id that can be made at `moment`: older ids sort before it."""
    return _uuid7(int(moment.timestamp() * 1000), 0)


def _uuid7(milliseconds: int, random: int) -> str:
    high = milliseconds << 16 | 0x7 << 12 | random >> 62
    low = 0b10 << 62 | random & ((1 << 62) - 1)
    digits = f"{high << 64 | low:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
