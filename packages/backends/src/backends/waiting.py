"""Waiting for something to happen, or for some time."""

import asyncio
from contextlib import suppress


async def happened(event: asyncio.Event, within: float) -> None:
    """Wait until the event is set, at most `within` seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            await event.wait()
