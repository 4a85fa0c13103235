"""A thread for a client all of whose calls are made by one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class OwnThread:
    """Makes calls one after the other. One that never returns keeps no process from ending."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        Thread(target=self._work, name=name, daemon=True).start()

    async def call(self, call: Callable[[], T]) -> T:
        """What the call returns or raises; it is made to its end once it has begun."""
        answer: Future[T] = Future()
        self._calls.put(lambda: _make(call, answer))
        return await asyncio.wrap_future(answer)

    def end(self) -> None:
        """Make no more calls after those that wait."""
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def _make(call: Callable[[], Any], answer: Future[Any]) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        answer.set_result(call())
    except BaseException as error:
        answer.set_exception(error)
