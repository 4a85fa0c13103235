"""JSON bodies as models, and what is wrong with those that are none."""

from email.message import Message
from typing import Any, Final, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import ClientDisconnect, Request

# A body of bad values has an error for each: the first ones say enough.
_MAX_ERRORS: Final = 20
_MAX_NAME: Final = 100
ModelT = TypeVar("ModelT", bound=BaseModel)


async def whole_body(request: Request) -> bytes:
    """The body as it came; nearly all come in one piece. Raises ClientDisconnect."""
    parts: list[bytes] = []
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def parsed(body: bytes, model: type[ModelT]) -> ModelT:
    """A body as a model. Raises `RequestValidationError`: not JSON, or not of the model's shape."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)[:_MAX_ERRORS]
        raise RequestValidationError([_detail(one) for one in details]) from error


def is_json(content_type: str) -> bool:
    """Whether a body is declared as JSON."""
    if content_type.startswith("application/json"):
        return True
    message = Message()
    message["content-type"] = content_type
    declared = message.get_content_type()
    return declared.startswith("application/") and declared.endswith(("/json", "+json"))


def _detail(error: ErrorDetails) -> dict[str, Any]:
    location = tuple(str(part)[:_MAX_NAME] for part in ("body", *error["loc"]))
    if error["type"] == "json_invalid":
        return {"type": "json_invalid", "loc": location, "msg": error.get("ctx", {})["error"]}
    return {"type": error["type"], "loc": location, "msg": error["msg"]}
