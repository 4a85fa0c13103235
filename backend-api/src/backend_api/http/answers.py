"""Good answers."""

from fastapi import Request, Response
from pydantic import BaseModel

JSON = "application/json"


def json_answer(content: BaseModel | bytes, status: int = 200, etag: int | None = None) -> Response:
    """A model, or JSON as it is; `etag` is the version of the record that it shows."""
    body = content.model_dump_json() if isinstance(content, BaseModel) else content
    headers = None if etag is None else {"etag": f'"{etag}"'}
    return Response(body, status_code=status, headers=headers, media_type=JSON)


def worth(request: Request, tokens: int) -> None:
    """Say how many units of work the request was, for the usage meter."""
    request.scope["state"]["tokens"] = tokens
