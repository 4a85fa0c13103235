"""What FastAPI cannot see for itself: bodies that the routes read, and problems as answers."""

from http import HTTPStatus
from itertools import groupby
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from backend_api.http.error_codes import ERROR_CODES, ErrorCode
from contracts.problems import Problem
from web.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]
JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
_SCHEMAS: Final = "#/components/schemas/"
_ALWAYS: Final = (
    "missing_api_key",
    "invalid_api_key",
    "insufficient_scope",
    "tenant_key_required",
    "tenant_suspended",
    "invalid_request",
    "rate_limited",
    "quota_exceeded",
    "storage_unavailable",
)
_OF_WRITES: Final = (
    "invalid_idempotency_key",
    "idempotency_key_reused",
    "idempotency_key_in_use",
    "body_too_large",
)
_OF_BODIES: Final = ("invalid_json", "body_too_large", "unsupported_media_type")


def read_problems(*codes: str) -> Responses:
    """The problems of a route that only reads: those of every route, and `codes`."""
    return _problems(*_ALWAYS, *codes)


def write_problems(*codes: str) -> Responses:
    """The problems of a route that changes something, and so may carry an Idempotency-Key."""
    return _problems(*_ALWAYS, *_OF_WRITES, *codes)


def body_problems(*codes: str) -> Responses:
    """The problems of a route that reads a JSON body; for a write, beside `write_problems`."""
    return _problems(*_ALWAYS, *_OF_BODIES, *codes)


def write_body_problems(*codes: str) -> Responses:
    """The problems of a route that changes something by a JSON body."""
    return _problems(*_ALWAYS, *_OF_WRITES, *_OF_BODIES, *codes)


def answer(
    description: str, example: Any, model: type[BaseModel] | None = None, **headers: str
) -> dict[str, Any]:
    """One good answer of an operation with its example; `headers` as `name=what it says`.

    `model` is for a second good answer: the first one has the model of its route.
    """
    said: dict[str, Any] = {
        "description": description,
        "content": {JSON: {"example": example}},
    }
    if model is not None:
        said["model"] = model
    if headers:
        said["headers"] = {
            name.replace("_", "-"): {"description": meaning, "schema": {"type": "string"}}
            for name, meaning in headers.items()
        }
    return said


def json_body(
    model: type[BaseModel], example: dict[str, Any], *media_types: str, required: bool = True
) -> dict[str, Any]:
    """The body of an operation; `model` must be among the API's `models`."""
    schema = {"$ref": f"{_SCHEMAS}{model.__name__}"}
    content = {kind: {"schema": schema, "example": example} for kind in (JSON, *media_types)}
    return {"requestBody": {"required": required, "content": content}}


def _problems(*codes: str) -> Responses:
    listed = sorted({ERROR_CODES[code] for code in codes}, key=lambda one: (one.status, one.code))
    return {
        status: _problem(status, tuple(group))
        for status, group in groupby(listed, key=lambda one: one.status)
    }


def _problem(status: int, codes: tuple[ErrorCode, ...]) -> dict[str, Any]:
    examples = {one.code: {"value": _example(status, one)} for one in codes}
    content = {"schema": {"$ref": f"{_SCHEMAS}{Problem.__name__}"}, "examples": examples}
    return {
        "description": "\n".join(f"- `{one.code}`: {one.meaning}" for one in codes),
        "content": {MEDIA_TYPE: content},
    }


def _example(status: int, code: ErrorCode) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code.code,
        "detail": f"{code.meaning} {code.action}",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }


class DocumentedApi(FastAPI):
    """An application whose document also defines `models` and `Problem`."""

    def __init__(self, *, models: tuple[type[BaseModel], ...], **settings: Any) -> None:
        super().__init__(**settings)
        self._models = (*models, Problem)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            _, definitions = models_json_schema(
                [(model, "validation") for model in self._models],
                ref_template=_SCHEMAS + "{model}",
            )
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas.update(definitions["$defs"])
        return super().openapi()
