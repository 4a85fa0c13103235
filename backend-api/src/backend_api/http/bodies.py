"""Reads JSON bodies.

The routes read their bodies here, after authentication: FastAPI would parse them before it, for
anyone, and by the standard library.
"""

from typing import Final, TypeVar

from fastapi import Request
from pydantic import BaseModel

from backend_api.domain.errors import UnsupportedMediaType
from web.body_limit import read_bounded
from web.json_bodies import is_json, parsed, whole_body

_MAX_SMALL_BYTES: Final = 256 * 1024
ModelT = TypeVar("ModelT", bound=BaseModel)


async def read_json(request: Request, model: type[ModelT]) -> ModelT:
    """The body as a model.

    Raises:
        UnsupportedMediaType: it is declared as something else than JSON.
        RequestValidationError: it is not JSON, or not of the model's shape.
    """
    return parsed(await read_bytes(request), model)


async def read_optional_json(request: Request, model: type[ModelT]) -> ModelT:
    """The body as a model, as by `read_json`; no body at all is an empty object."""
    return parsed(await read_bytes(request) or b"{}", model)


async def read_small_json(request: Request, model: type[ModelT]) -> ModelT:
    """The body as a model, as by `read_json`, on a route whose bodies may be whole files."""
    return parsed(await read_bounded(request, _MAX_SMALL_BYTES), model)


async def read_bytes(request: Request) -> bytes:
    """The body as it came. Raises `UnsupportedMediaType` where it is declared as no JSON."""
    declared = request.headers.get("content-type")
    if declared is not None and not is_json(declared):
        raise UnsupportedMediaType("the body must be JSON: send content-type: application/json")
    return await whole_body(request)
