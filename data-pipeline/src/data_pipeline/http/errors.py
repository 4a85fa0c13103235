"""Which status a domain error answers with; only here."""

from fastapi import FastAPI
from fastapi.responses import Response

from backends.ports import PortUnavailable
from data_pipeline.domain.errors import DomainError
from web.problems import (
    add_problem_handler,
    add_problem_handlers,
    problem,
    store_unavailable,
)

STATUS = {
    "invalid_json": 400,
    "event_not_found": 404,
    "event_type_not_found": 404,
    "item_not_found": 404,
    "snapshot_not_found": 404,
    "user_not_found": 404,
    "already_merged": 409,
    "empty_snapshot": 409,
    "merge_cycle": 409,
    "snapshot_damaged": 409,
    "too_many_event_types": 409,
    "version_conflict": 412,
    "quarantined_record_not_found": 404,
    "quarantine_changed": 409,
    "invalid_cursor": 422,
    "rule_broken": 422,
    "import_not_found": 404,
    "import_finished": 409,
    "empty_file": 422,
    "source_not_allowed": 422,
    "too_many_batches": 429,
    "too_many_imports": 429,
    "unknown_format": 422,
    "invalid_request": 422,
}
# A batch takes less than a second, an import from seconds to minutes.
RETRY_AFTER = {
    "too_many_batches": {"retry-after": "1"},
    "too_many_imports": {"retry-after": "30"},
}


def add_error_handlers(app: FastAPI) -> None:
    """Answer every expected error as a problem."""
    add_problem_handlers(app)
    add_problem_handler(app, DomainError, _domain_error)
    add_problem_handler(app, PortUnavailable, store_unavailable)


def _domain_error(error: DomainError) -> Response:
    return problem(STATUS[error.code], error.code, str(error), headers=RETRY_AFTER.get(error.code))
