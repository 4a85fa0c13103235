"""What FastAPI cannot see for itself: bodies that the routes read, and problems as answers."""

from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from contracts.problems import Problem
from web.problems import MEDIA_TYPE

_SCHEMAS: Final = "#/components/schemas/"
_DESCRIPTIONS: Final = {
    400: "The body is not JSON: `invalid_json`.",
    401: "No key, or one that is unknown or revoked: `missing_api_key`, `invalid_api_key`.",
    404: "The tenant has no such item: `item_not_found`.",
    409: "The tenant has nothing to recommend from yet.",
    413: "The body is too large: `body_too_large`.",
    415: "The body is not declared as plain JSON: `unsupported_media_type`.",
    422: "A value is missing or out of its range: `invalid_request`.",
    503: "A service behind this one does not answer: try again after `Retry-After` seconds.",
}


def problems(*statuses: int, **described: str) -> dict[int | str, dict[str, Any]]:
    """The problems a route may answer; `described` words one anew, as in `s422="..."`."""
    return {
        status: {
            "description": described.get(f"s{status}", _DESCRIPTIONS[status]),
            "content": {MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}{Problem.__name__}"}}},
        }
        for status in statuses
    }


def json_body(model: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """The body of an operation; `model` must be among the API's `models`."""
    schema = {"$ref": f"{_SCHEMAS}{model.__name__}"}
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


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
