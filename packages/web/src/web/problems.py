"""Problem answers (RFC 9457): the one way in which an error leaves a service."""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from opentelemetry import trace
from starlette.exceptions import HTTPException

from contracts.problems import Problem

MEDIA_TYPE = "application/problem+json"
STORE_RETRY_SECONDS = "1"
Failure = TypeVar("Failure", bound=Exception)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HTTP_ERRORS = {
    404: ("no_such_path", "there is nothing at this path: see /openapi.json for those there are"),
    405: ("method_not_allowed", "the path takes other methods: the Allow header names them"),
    413: ("body_too_large", "the body is too large: send smaller batches"),
}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error answer with a stable `code`, and what to do in `detail`."""
    span = trace.get_current_span().get_span_context()
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "trace_id": trace.format_trace_id(span.trace_id) if span.is_valid else None,
    }
    if errors is not None:
        body["errors"] = errors
    return Response(
        orjson.dumps(body), status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def http_problem(
    status: int, detail: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """The answer to an error of HTTP itself, such as 404 for an unknown path."""
    code, known_detail = _HTTP_ERRORS.get(status, ("http_error", detail))
    return problem(status, code, known_detail, headers=headers)


def problem_answers(words: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route for the statuses in `words`, each with what it means."""
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {
        status: {"description": meaning, "content": content} for status, meaning in words.items()
    }


def add_problem_handler(
    app: FastAPI, kind: type[Failure], answer: Callable[[Failure], Response]
) -> None:
    """Answer failures of this kind, wherever a request meets them."""

    async def handle(_: Request, error: Exception) -> Response:
        assert isinstance(error, kind)  # noqa: S101 - registered for this class
        return answer(error)

    app.add_exception_handler(kind, handle)


def store_unavailable(error: Exception) -> Response:
    """The answer of an internal service whose store cannot be used."""
    headers = {"retry-after": STORE_RETRY_SECONDS}
    return problem(503, "store_unavailable", str(error), headers=headers)


def add_problem_handlers(app: FastAPI) -> None:
    """Answer the framework's own errors as problems as well."""
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)


async def _invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    errors = [
        {"field": ".".join(str(part) for part in e["loc"]), "code": e["type"], "reason": e["msg"]}
        for e in error.errors()
    ]
    if errors[0]["code"] == "json_invalid":
        return problem(400, "invalid_json", f"the body is not JSON: {errors[0]['reason']}")
    first = errors[0]
    detail = f"{first['field']}: {first['reason']}"
    return problem(422, "invalid_request", detail, errors=errors)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    if error.status_code == HTTPStatus.NOT_FOUND and _CONTROL.search(request.scope["path"]):
        # Routes match no line breaks, so an id that holds one never meets its validation.
        return problem(422, "invalid_request", "path: ids must not hold control characters")
    return http_problem(error.status_code, error.detail, error.headers)
