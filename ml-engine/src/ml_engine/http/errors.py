"""Which status a domain error answers with; only here."""

from fastapi import FastAPI
from fastapi.responses import Response

from backends.ports import PortUnavailable
from ml_engine.domain.errors import DomainError, TooManyJobs
from web.problems import (
    add_problem_handler,
    add_problem_handlers,
    problem,
    store_unavailable,
)

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
    "too_many_training_jobs": 429,
}

TRAINING_RETRY_SECONDS = "60"


def add_error_handlers(app: FastAPI) -> None:
    """Answer every expected error as a problem."""
    add_problem_handlers(app)
    add_problem_handler(app, DomainError, _domain_error)
    add_problem_handler(app, PortUnavailable, store_unavailable)


def _domain_error(error: DomainError) -> Response:
    retry = isinstance(error, TooManyJobs)
    headers = {"retry-after": TRAINING_RETRY_SECONDS} if retry else None
    return problem(STATUS[error.code], error.code, str(error), headers=headers)
