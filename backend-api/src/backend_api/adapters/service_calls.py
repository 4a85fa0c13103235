"""What a failed call of another service means to our caller."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar, cast

from pydantic import ValidationError

from backend_api.domain.circuit_breaker import CircuitBreaker
from backend_api.domain.errors import (
    CircuitOpen,
    DependencyUnavailable,
    DomainError,
    RefusedByService,
)
from contracts.client import ServiceError
from contracts.problems import Problem
from contracts.transport import ServiceUnavailable

# Answers that come of how we called and not of what our caller sent.
_OUR_STATUSES: Final = frozenset({401, 403, 405, 408, 415, 429})
_OUR_CODES: Final = frozenset({"no_such_path", "unexpected_answer", "http_error"})
# A limit of the service itself that a tenant has reached, or all have: the circuit stays closed.
_CALLERS_CODES: Final = frozenset(
    {"too_many_batches", "too_many_imports", "too_many_training_jobs"}
)
PING_SECONDS: Final = 2.0
ClientT = TypeVar("ClientT")


class ServiceCalls:
    """Calls of one service, none of them made while its circuit is open."""

    def __init__(self, dependency: str, timeout_seconds: float, breaker: CircuitBreaker) -> None:
        self._dependency = dependency
        self._timeout_seconds = timeout_seconds
        self._breaker = breaker

    def call(self, timeout_seconds: float | None = None) -> AbstractAsyncContextManager[None]:
        """One call, bounded by `timeout_seconds` or else by the service's own bound.

        Raises:
            RefusedByService: the service answered with a problem that concerns our caller.
            DependencyUnavailable: it did not answer, now or in the calls before.
        """
        seconds = timeout_seconds or self._timeout_seconds
        return _Ticketed(self._breaker, self._dependency, seconds)


def guarded(
    client: ClientT, calls: ServiceCalls, timeouts: Mapping[str, float] | None = None
) -> ClientT:
    """The client with each of its async methods made a call of `calls`.

    `timeouts` gives single methods a bound of their own, in seconds.
    """
    return cast("ClientT", _GuardedClient(client, calls, timeouts or {}))


class _GuardedClient:
    def __init__(self, client: object, calls: ServiceCalls, timeouts: Mapping[str, float]) -> None:
        self._client = client
        self._calls = calls
        self._timeouts = timeouts

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._client, name)
        if not iscoroutinefunction(value) or name == "close":
            return value
        calls, timeout = self._calls, self._timeouts.get(name)

        @wraps(value)
        async def call(*args: Any, **kwargs: Any) -> Any:
            async with calls.call(timeout):
                return await value(*args, **kwargs)

        # The next call finds it as an attribute and never comes here.
        setattr(self, name, call)
        return call


def calling(dependency: str, timeout_seconds: float) -> AbstractAsyncContextManager[None]:
    """A call of `dependency` (such as `ml_engine`), bounded in all by `timeout_seconds`.

    Raises:
        RefusedByService: the service answered with a problem that concerns our caller.
        DependencyUnavailable: anything else that kept the answer away.
    """
    return _Calling(dependency, timeout_seconds)


class _Calling(AbstractAsyncContextManager[None]):
    """A class, as the next one, since generators' context managers take several times as long."""

    def __init__(self, dependency: str, timeout_seconds: float) -> None:
        self._dependency = dependency
        self._timeout_seconds = timeout_seconds
        self._bound = asyncio.timeout(timeout_seconds)

    async def __aenter__(self) -> None:
        await self._bound.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: Any
    ) -> None:
        try:
            await self._bound.__aexit__(kind, error, trace)
        except TimeoutError as late:
            self._explain(late)
        if error is not None:
            self._explain(error)

    def _explain(self, error: BaseException) -> None:
        """Raise what an error of the call means to our caller, if it means anything."""
        dependency = self._dependency
        if isinstance(error, ServiceError):
            raise _meaning(dependency, error.problem) from error
        if isinstance(error, ServiceUnavailable):
            raise DependencyUnavailable(dependency, str(error)) from error
        if isinstance(error, TimeoutError):
            reason = f"no answer from {dependency} within {self._timeout_seconds:g} s"
            raise DependencyUnavailable(dependency, reason, "timeout") from error
        if isinstance(error, ValidationError):
            reason = f"{dependency} answered in another shape than agreed: {error}"
            raise DependencyUnavailable(dependency, reason) from error


class _Ticketed(_Calling):
    """A call with a ticket of the circuit, to which it tells its outcome."""

    def __init__(self, breaker: CircuitBreaker, dependency: str, timeout_seconds: float) -> None:
        super().__init__(dependency, timeout_seconds)
        self._breaker = breaker

    async def __aenter__(self) -> None:
        ticket = self._breaker.admit()
        if ticket is None:
            raise CircuitOpen(self._dependency)
        self._ticket = ticket
        await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: Any
    ) -> None:
        outcome = error
        try:
            await super().__aexit__(kind, error, trace)
        except BaseException as meaning:
            outcome = meaning
            raise
        finally:
            self._tell(outcome)

    def _tell(self, outcome: BaseException | None) -> None:
        if outcome is None or isinstance(outcome, RefusedByService):
            self._breaker.succeeded(self._ticket)
        elif isinstance(outcome, DependencyUnavailable):
            self._breaker.failed(self._ticket)
        else:
            self._breaker.abandoned(self._ticket)


def _meaning(dependency: str, problem: Problem) -> DomainError:
    if problem.status == 401:
        reason = f"{dependency} refuses our service token; all services need the same one"
        return DependencyUnavailable(dependency, reason)
    if problem.code in _CALLERS_CODES:
        return RefusedByService(problem)
    ours = problem.status in _OUR_STATUSES or problem.code in _OUR_CODES
    if ours or not 400 <= problem.status < 500:
        answer = f"{problem.status} {problem.code}, {problem.detail}"
        return DependencyUnavailable(dependency, f"{dependency} answered {answer}")
    return RefusedByService(problem)
