"""The clock of the service."""

import time


def system_clock() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000
