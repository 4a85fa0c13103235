"""From domain errors to HTTP: the one place that knows status codes."""

import logging
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from backend_api.domain.errors import (
    DependencyUnavailable,
    DomainError,
    NoValidRecords,
    RefusedByService,
)
from backends.ports import PortUnavailable
from web.problems import add_problem_handlers, problem

RETRY_AFTER_SECONDS: Final = 5
_STATUSES: Final = {
    "missing_api_key": 401,
    "invalid_api_key": 401,
    "unsupported_media_type": 415,
    "no_valid_records": 422,
    "ml_engine_unavailable": 503,
    "data_pipeline_unavailable": 503,
}
_logger = logging.getLogger(__name__)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every expected failure as a problem."""
    add_problem_handlers(app)
    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(PortUnavailable, _port_unavailable)


async def _domain_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)  # noqa: S101 - registered for this class
    if isinstance(error, RefusedByService):
        given = error.problem
        return problem(given.status, given.code, given.detail, errors=given.errors)
    if isinstance(error, NoValidRecords):
        errors = [record.model_dump() for record in error.rejected]
        return problem(_STATUSES[error.code], error.code, error.detail, errors=errors)
    status = _STATUSES[error.code]
    return problem(status, error.code, error.detail, headers=_headers(status, error))


def _headers(status: int, error: DomainError) -> dict[str, str]:
    if isinstance(error, DependencyUnavailable):
        _logger.warning("%s: %s", error.code, error.reason)
        return _retry_later()
    if status == 401:
        _logger.warning("%s", error.code, extra={"category": "security"})
        return {"www-authenticate": "Bearer"}
    return {}


async def _port_unavailable(_: Request, error: Exception) -> Response:
    _logger.warning("%s", error)
    detail = "the service's own storage does not answer now: try again in a few seconds"
    return problem(503, "storage_unavailable", detail, headers=_retry_later())


def _retry_later() -> dict[str, str]:
    return {"retry-after": str(RETRY_AFTER_SECONDS)}
