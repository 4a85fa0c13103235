"""Work in a thread is finished for who gives up too."""

import asyncio
import gc
import logging
from threading import Event

import pytest

from backends.finishing import finished_in_thread


@pytest.mark.anyio
async def test_who_gives_up_waits_and_what_fails_then_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, go_on, finished = Event(), Event(), Event()

    def work() -> None:
        begun.set()
        go_on.wait(10)
        finished.set()
        raise ValueError("nobody asks for it")

    with caplog.at_level(logging.ERROR, "asyncio"):
        asking = asyncio.create_task(finished_in_thread(work))
        await asyncio.to_thread(begun.wait, 10)
        asking.cancel()
        await asyncio.wait([asking], timeout=0)
        assert not asking.done()
        go_on.set()
        await asyncio.wait([asking])
        assert asking.cancelled()
        assert finished.is_set()
        del asking
        gc.collect()
    assert not caplog.records
