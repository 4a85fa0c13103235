"""Recommendations as callers of the public API get them."""

import secrets
import time
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contracts.recommendations import RecommendedItem


class ServedRecommendations(BaseModel):
    """A ranked answer, the id to speak of it by, and what made it."""

    model_config = ConfigDict(protected_namespaces=())

    recommendation_id: str
    model_version: str
    algorithm: str
    items: list[RecommendedItem]


def new_recommendation_id() -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits.

    Ids sort by the millisecond of their making; within one millisecond their order is random.
    """
    random = secrets.randbits(74)
    high = (time.time_ns() // 1_000_000) << 16 | 0x7 << 12 | random >> 62
    low = 0b10 << 62 | random & ((1 << 62) - 1)
    return str(UUID(int=high << 64 | low))
