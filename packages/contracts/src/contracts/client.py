"""What the typed clients share: the service token, and errors as exceptions."""

from collections.abc import AsyncIterable

from pydantic import BaseModel, ValidationError

from contracts.problems import Problem
from contracts.transport import Request, Transport


class ServiceError(Exception):
    """The service answered with a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}")
        self.problem = problem


class ServiceClient:
    """Calls one service with the service token."""

    def __init__(self, transport: Transport, service_token: str) -> None:
        self._transport = transport
        self._headers = {"authorization": f"Bearer {service_token}"}

    async def request(
        self,
        method: str,
        path: str,
        body: BaseModel | bytes | AsyncIterable[bytes] = b"",
        media_type: str = "application/json",
    ) -> bytes:
        """Body of a 2xx answer; `media_type` is that of the request's body.

        Raises:
            ServiceError: the service answered with a problem.
            ServiceUnavailable: it did not answer.
        """
        content = body.model_dump_json().encode() if isinstance(body, BaseModel) else body
        headers = {**self._headers, "content-type": media_type}
        response = await self._transport.send(Request(method, path, content, headers))
        if response.status < 300:
            return response.content
        raise ServiceError(_problem(response.status, response.content))

    async def close(self) -> None:
        """Release the connections."""
        await self._transport.close()


def _problem(status: int, content: bytes) -> Problem:
    try:
        return Problem.model_validate_json(content)
    except ValidationError:
        return Problem(
            title="Unexpected answer",
            status=status,
            code="unexpected_answer",
            detail=content[:200].decode(errors="replace"),
        )
