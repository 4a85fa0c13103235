"""How a client reaches a service: one method, so that tests call a service in-process."""

from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request; `path` is relative to the service's address, query included.

    A `content` in chunks is sent as it comes, and never held as a whole.
    """

    method: str
    path: str
    content: bytes | AsyncIterable[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer with its whole body."""

    status: int
    content: bytes
    headers: dict[str, str]


class Transport(Protocol):
    """Sends requests to one service. Raises `ServiceUnavailable` where no answer comes."""

    async def send(self, request: Request) -> Response:
        """Answer of the service, whatever its status."""
        ...

    async def close(self) -> None:
        """Release the connections."""
        ...


class ServiceUnavailable(Exception):
    """The service gave no answer: refused, timed out or cut off."""
