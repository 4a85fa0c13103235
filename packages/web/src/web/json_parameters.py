"""Query parameters that are JSON."""

from typing import TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


def read_json_parameter(shape: TypeAdapter[T], name: str, value: str) -> T:
    """The value of a parameter. Raises `RequestValidationError` where it has another shape."""
    try:
        return shape.validate_json(value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        # One of a value that is no JSON at all would say so of the body.
        found = [
            {**one, "type": "value_error", "loc": ("query", name, *one["loc"])} for one in details
        ]
        raise RequestValidationError(found) from error
