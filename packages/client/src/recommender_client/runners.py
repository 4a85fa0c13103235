"""Carry out calls and plans: the only code that is sync or async, beside the event buffers."""

import functools
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import anyio
import httpx2
from pydantic import ValidationError

from recommender_client.answers import Answer, Outcome, no_answer, result
from recommender_client.calls import Call, Plan
from recommender_client.connection import Connection
from recommender_client.errors import InvalidArguments
from recommender_client.retries import NO_RETRIES, Attempts, RetryPolicy

T = TypeVar("T")
Describe = Callable[..., Call[T] | Plan[T]]
MAX_CONNECTIONS: Final = 100
_LIMITS: Final = httpx2.Limits(
    max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS
)
# The bare transports: cookies, redirects and content negotiation, which httpx2's own clients look
# after, do not occur in this API, and cost more than all the rest of a call.


class SyncRunner:
    """Carries out calls one after the other, in the thread that asks."""

    def __init__(self, connection: Connection, transport: httpx2.BaseTransport | None) -> None:
        self.connection = connection
        self._transport = transport or httpx2.HTTPTransport(limits=_LIMITS)

    def bind(self, describe: Describe[T]) -> Callable[..., T]:
        """The function that carries out what `describe` describes."""

        @functools.wraps(describe)
        def operation(*args: Any, **kwargs: Any) -> T:
            return self.run(_described(describe, args, kwargs))

        return operation

    def run(self, work: Call[T] | Plan[T]) -> T:
        """The outcome of a call or a plan, asked again where that may help."""
        if isinstance(work, Call):
            return self._ask(work, self.connection.retries)
        reply: Any = None
        while True:
            try:
                step = work.send(reply)
            except StopIteration as end:
                return end.value
            except ValidationError as error:
                raise InvalidArguments.of(error) from None
            if isinstance(step, Call):
                reply = self._ask(step, self.connection.retries)
            else:
                reply = time.sleep(step.seconds)

    def run_once(self, call: Call[T]) -> T:
        """The outcome of one attempt."""
        return self._ask(call, NO_RETRIES)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _ask(self, call: Call[T], policy: RetryPolicy) -> T:
        attempts = Attempts(policy, call)
        while True:
            outcome = self._exchange(call)
            pause = attempts.pause_after(outcome)
            if pause is None:
                return result(outcome, call.read)
            time.sleep(pause)

    def _exchange(self, call: Call[Any]) -> Outcome:
        content = call.content if isinstance(call.content, bytes) else call.content.chunks()
        request = self.connection.request(call, content)
        try:
            response = self._transport.handle_request(request)
            try:
                return Answer(response.status_code, response.headers, response.read())
            finally:
                response.close()
        except httpx2.RequestError as error:
            return no_answer(error, self.connection.address)


class AsyncRunner:
    """Carries out calls in the event loop."""

    def __init__(self, connection: Connection, transport: httpx2.AsyncBaseTransport | None) -> None:
        self.connection = connection
        self._transport = transport or httpx2.AsyncHTTPTransport(limits=_LIMITS)

    def bind(self, describe: Describe[T]) -> Callable[..., Coroutine[Any, Any, T]]:
        """The function that carries out what `describe` describes."""

        @functools.wraps(describe)
        async def operation(*args: Any, **kwargs: Any) -> T:
            return await self.run(_described(describe, args, kwargs))

        return operation

    async def run(self, work: Call[T] | Plan[T]) -> T:
        """The outcome of a call or a plan, asked again where that may help."""
        if isinstance(work, Call):
            return await self._ask(work, self.connection.retries)
        reply: Any = None
        while True:
            try:
                step = work.send(reply)
            except StopIteration as end:
                return end.value
            except ValidationError as error:
                raise InvalidArguments.of(error) from None
            if isinstance(step, Call):
                reply = await self._ask(step, self.connection.retries)
            else:
                reply = await anyio.sleep(step.seconds)

    async def run_once(self, call: Call[T]) -> T:
        """The outcome of one attempt."""
        return await self._ask(call, NO_RETRIES)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _ask(self, call: Call[T], policy: RetryPolicy) -> T:
        attempts = Attempts(policy, call)
        while True:
            outcome = await self._exchange(call)
            pause = attempts.pause_after(outcome)
            if pause is None:
                return result(outcome, call.read)
            await anyio.sleep(pause)

    async def _exchange(self, call: Call[Any]) -> Outcome:
        content = call.content if isinstance(call.content, bytes) else call.content.async_chunks()
        request = self.connection.request(call, content)
        try:
            response = await self._transport.handle_async_request(request)
            try:
                return Answer(response.status_code, response.headers, await response.aread())
            finally:
                await response.aclose()
        except httpx2.RequestError as error:
            return no_answer(error, self.connection.address)


def _described(
    describe: Describe[T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Call[T] | Plan[T]:
    try:
        return describe(*args, **kwargs)
    except ValidationError as error:
        raise InvalidArguments.of(error) from None
