"""Work in a thread that is finished whether or not anyone waits for it any more."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def finished_in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns or raises. Who gives up waits too: until then the thread goes on."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    finally:
        await until_done(task)


async def until_done(task: asyncio.Future[Any]) -> None:
    """Wait for a task, even as one that is cancelled meanwhile; it may fail unseen then."""
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    # Otherwise asyncio logs as an error that nobody asked for it.
    _ = task.cancelled() or task.exception()
