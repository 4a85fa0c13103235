"""From domain errors to HTTP: the one place that answers by status codes."""

import logging
from typing import Final

from fastapi import FastAPI
from fastapi.responses import Response

from backend_api.domain.access_errors import IdempotencyKeyInUse, QuotaExceeded, RateLimited
from backend_api.domain.errors import (
    DependencyUnavailable,
    DomainError,
    NoValidRecords,
    RefusedByService,
)
from backend_api.http.error_codes import ERROR_CODES
from backends.ports import PortUnavailable
from web.problems import add_problem_handler, add_problem_handlers, problem

RETRY_AFTER_SECONDS: Final = 5
_IN_USE_SECONDS: Final = 1
_RETRY_AFTER: Final = {"too_many_batches": 1, "too_many_imports": 30, "too_many_training_jobs": 60}
_logger = logging.getLogger(__name__)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every expected failure as a problem."""
    add_problem_handlers(app)
    add_problem_handler(app, DomainError, problem_of)
    add_problem_handler(app, PortUnavailable, problem_of)


def problem_of(error: DomainError | PortUnavailable) -> Response:
    """The answer to an expected failure, for middleware as well."""
    if isinstance(error, PortUnavailable):
        _logger.warning("%s", error)
        detail = "the service's own storage does not answer now: try again in a few seconds"
        return problem(503, "storage_unavailable", detail, headers=_retry(RETRY_AFTER_SECONDS))
    if isinstance(error, RefusedByService):
        given = error.problem
        seconds = _RETRY_AFTER.get(given.code, RETRY_AFTER_SECONDS)
        headers = _retry(seconds) if given.status == 429 else None
        return problem(given.status, given.code, given.detail, errors=given.errors, headers=headers)
    status = ERROR_CODES[error.code].status
    if isinstance(error, NoValidRecords):
        errors = [record.model_dump() for record in error.rejected]
        return problem(status, error.code, error.detail, errors=errors)
    return problem(status, error.code, error.detail, headers=_headers(status, error))


def _headers(status: int, error: DomainError) -> dict[str, str]:
    if isinstance(error, DependencyUnavailable):
        _logger.warning("%s: %s", error.code, error.reason)
        return _retry(RETRY_AFTER_SECONDS)
    if isinstance(error, RateLimited | QuotaExceeded):
        return _retry(error.retry_after)
    if isinstance(error, IdempotencyKeyInUse):
        return _retry(_IN_USE_SECONDS)
    if status in (401, 403):
        _logger.warning("%s", error.code, extra={"category": "security"})
    return {"www-authenticate": "Bearer"} if status == 401 else {}


def _retry(seconds: int) -> dict[str, str]:
    return {"retry-after": str(seconds)}
