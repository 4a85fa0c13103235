"""Reads JSON bodies.

The routes read their bodies here, after authentication: FastAPI would parse them before it, for
anyone, and by the standard library.
"""

from email.message import Message
from typing import Any, Final, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from backend_api.domain.errors import UnsupportedMediaType
from web.body_limit import read_bounded

# A body of bad values has an error for each: the first ones say enough.
_MAX_ERRORS: Final = 20
_MAX_NAME: Final = 100
_MAX_SMALL_BYTES: Final = 256 * 1024
ModelT = TypeVar("ModelT", bound=BaseModel)


async def read_json(request: Request, model: type[ModelT]) -> ModelT:
    """The body as a model.

    Raises:
        UnsupportedMediaType: it is declared as something else than JSON.
        RequestValidationError: it is not JSON, or not of the model's shape.
    """
    return _validated(await read_bytes(request), model)


async def read_optional_json(request: Request, model: type[ModelT]) -> ModelT:
    """The body as a model, as by `read_json`; no body at all is an empty object."""
    return _validated(await read_bytes(request) or b"{}", model)


async def read_small_json(request: Request, model: type[ModelT]) -> ModelT:
    """The body as a model, as by `read_json`, on a route whose bodies may be whole files."""
    return _validated(await read_bounded(request, _MAX_SMALL_BYTES), model)


def _validated(body: bytes, model: type[ModelT]) -> ModelT:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)[:_MAX_ERRORS]
        raise RequestValidationError([_detail(one) for one in details]) from error


async def read_bytes(request: Request) -> bytes:
    """The body as it came. Raises `UnsupportedMediaType` where it is declared as no JSON."""
    if not _is_json(request.headers.get("content-type")):
        raise UnsupportedMediaType("the body must be JSON: send content-type: application/json")
    return await request.body()


def _is_json(content_type: str | None) -> bool:
    if content_type is None or content_type.startswith("application/json"):
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
