"""What a failed call of another service means to our caller."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from pydantic import ValidationError

from backend_api.domain.errors import DependencyUnavailable, DomainError, RefusedByService
from contracts.client import ServiceError
from contracts.problems import Problem
from contracts.transport import ServiceUnavailable

# Answers that come of how we called and not of what our caller sent.
_OUR_STATUSES: Final = frozenset({401, 403, 405, 408, 415, 429})
_OUR_CODES: Final = frozenset({"no_such_path", "unexpected_answer", "http_error"})


@asynccontextmanager
async def calling(dependency: str, timeout_seconds: float) -> AsyncGenerator[None]:
    """A call of `dependency` (such as `ml_engine`), bounded in all by `timeout_seconds`.

    Raises:
        RefusedByService: the service answered with a problem that concerns our caller.
        DependencyUnavailable: anything else that kept the answer away.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            yield
    except ServiceError as error:
        raise _meaning(dependency, error.problem) from error
    except ServiceUnavailable as error:
        raise DependencyUnavailable(dependency, str(error)) from error
    except TimeoutError as error:
        reason = f"no answer from {dependency} within {timeout_seconds:g} s"
        raise DependencyUnavailable(dependency, reason) from error
    except ValidationError as error:
        reason = f"{dependency} answered in another shape than agreed: {error}"
        raise DependencyUnavailable(dependency, reason) from error


def _meaning(dependency: str, problem: Problem) -> DomainError:
    if problem.status == 401:
        reason = f"{dependency} refuses our service token; all services need the same one"
        return DependencyUnavailable(dependency, reason)
    ours = problem.status in _OUR_STATUSES or problem.code in _OUR_CODES
    if ours or not 400 <= problem.status < 500:
        answer = f"{problem.status} {problem.code}, {problem.detail}"
        return DependencyUnavailable(dependency, f"{dependency} answered {answer}")
    return RefusedByService(problem)
