"""What the OpenAPI document says beyond the signatures of the routes."""

from typing import Any, cast

from pydantic import BaseModel

from contracts.events import MAX_BATCH
from web.problems import problem_answers

_PROBLEMS = {
    400: "The body is not JSON.",
    401: "The service token is missing or wrong.",
    404: "There is no such thing.",
    409: "It cannot be done as things are; the detail says what to do.",
    412: "The record has another version than the one asked for.",
    413: "The body is too large.",
    422: "The request is not valid.",
    429: "Too much is in work: try again after Retry-After seconds.",
    503: "A store does not answer and nothing was stored; try again.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem answers of a route, beside those that every route has."""
    return problem_answers({s: _PROBLEMS[s] for s in sorted({401, 422, 503, *statuses})})


def batch_body(field: str, record: type[BaseModel]) -> dict[str, Any]:
    """The request body of a batch, which the route reads by itself, record by record."""
    records = {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_BATCH,
        "items": _inlined(record.model_json_schema()),
    }
    schema = {"type": "object", "required": [field], "properties": {field: records}}
    lines = {"type": "string", "description": f"One of the {field} on each line, as JSON."}
    content = {"application/json": {"schema": schema}, "application/x-ndjson": {"schema": lines}}
    return {"requestBody": {"required": True, "content": content}}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without `$defs`: a reference into them would point nowhere in the document."""
    definitions = schema.pop("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, list):
            return [resolve(part) for part in cast("list[Any]", node)]
        if not isinstance(node, dict):
            return node
        mapping = cast("dict[str, Any]", node)
        if "$ref" in mapping:
            return resolve(definitions[mapping["$ref"].rpartition("/")[2]])
        return {key: resolve(value) for key, value in mapping.items()}

    return resolve(schema)
