"""What the event loop logs while a service is served."""

import asyncio
import gc
import logging
import socket

import pytest

from web.server import pass_over_unknown_names


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "logged"), [(socket.gaierror(-2, "no such name"), 0), (ValueError("a fault"), 1)]
)
async def test_a_lookup_that_nobody_waits_for_is_not_logged_and_a_fault_is(
    error: Exception, logged: int, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(pass_over_unknown_names)
    with caplog.at_level(logging.ERROR, "asyncio"):
        future = loop.create_future()
        future.set_exception(error)
        del future
        gc.collect()
    assert len([one for one in caplog.records if one.name == "asyncio"]) == logged
