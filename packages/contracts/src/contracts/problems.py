"""RFC 9457 problem details: the one shape of every error answer."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Problem(BaseModel):
    """An error answer (`application/problem+json`).

    `code` is stable and meant for programs; `detail` says what happened and what to do.
    """

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    trace_id: str | None = None
    errors: list[dict[str, Any]] | None = None
