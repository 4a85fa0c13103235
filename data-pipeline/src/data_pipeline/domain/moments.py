"""Moments as they are kept and as callers see them."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment(milliseconds: int) -> datetime:
    """A moment of Unix time in milliseconds; exact, and before 1970 as well."""
    return _EPOCH + timedelta(milliseconds=milliseconds)
