"""Where work is done that keeps others waiting."""

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

FEW: Final = 64
"""The work on so many records takes less time than the way to a thread and back."""

T = TypeVar("T")
P = ParamSpec("P")


async def beside(records: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What some work on records gives; on more than a few, it is done in a thread.

    For what computes alone: whatever waits for a disk or for others belongs in a thread at once.
    """
    if records <= FEW:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
