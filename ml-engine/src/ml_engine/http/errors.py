"""Which status a domain error answers with; only here."""

from fastapi import FastAPI, Request
from fastapi.responses import Response

from backends.ports import PortUnavailable
from ml_engine.domain.errors import DomainError
from web.problems import add_problem_handlers, problem

STATUS = {
    "item_not_found": 404,
    "model_not_found": 404,
    "training_job_not_found": 404,
    "snapshot_not_found": 404,
    "nothing_to_recommend": 409,
    "nothing_to_roll_back_to": 409,
    "model_damaged": 409,
    "snapshot_damaged": 409,
    "training_job_ended": 409,
    "invalid_cursor": 422,
}
RETRY_AFTER_SECONDS = "1"


def add_error_handlers(app: FastAPI) -> None:
    """Answer every expected error as a problem."""
    add_problem_handlers(app)
    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(PortUnavailable, _port_unavailable)


async def _domain_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)  # noqa: S101 - registered for this class
    return problem(STATUS[error.code], error.code, str(error))


async def _port_unavailable(_: Request, error: Exception) -> Response:
    headers = {"retry-after": RETRY_AFTER_SECONDS}
    return problem(503, "store_unavailable", str(error), headers=headers)
