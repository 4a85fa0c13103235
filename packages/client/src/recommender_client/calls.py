"""What to ask of the API, as values: neither sync nor async, and nothing is sent here.

Each operation describes itself by a `Call`, or where it takes several by a `Plan`; the runners
carry both out.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeAlias, TypeVar
from urllib.parse import quote, urlencode
from uuid import uuid4

from pydantic import BaseModel

from recommender_client.uploads import Upload

T = TypeVar("T")
Parameter: TypeAlias = str | int | None
PREFIX: Final = "/api/v1"
_IDEMPOTENCY_KEY: Final = "idempotency-key"


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how to read its answer.

    Sent again it keeps its headers, so a write is done once however often it is sent.
    """

    method: str
    path: str
    read: Callable[[bytes], T]
    content: bytes | Upload = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def repeatable(self) -> bool:
        """Whether it can be sent again: an upload from an iterator cannot."""
        return isinstance(self.content, bytes) or self.content.repeatable


@dataclass(frozen=True, slots=True)
class Sleep:
    """A step of a plan: wait."""

    seconds: float


Plan: TypeAlias = Generator[Call[Any] | Sleep, Any, T]
"""Steps to carry out one after the other; an answer comes back where its call was yielded."""


def ask(call: Call[T]) -> Plan[T]:
    """One call as a step of a plan."""
    answer: T = yield call
    return answer


def fetch(read: Callable[[bytes], T], *path: str, **query: Parameter) -> Call[T]:
    """Read something."""
    return Call("GET", path_of(*path, **query), read)


def question(read: Callable[[bytes], T], body: BaseModel, *path: str) -> Call[T]:
    """Read something that takes a body to ask for: it changes nothing, so it needs no key."""
    return Call("POST", path_of(*path), read, _json(body), {"content-type": "application/json"})


def write(
    method: str,
    read: Callable[[bytes], T],
    *path: str,
    body: BaseModel | None = None,
    condition: Mapping[str, str] | None = None,
) -> Call[T]:
    """Change something, once however often it is sent."""
    headers = {_IDEMPOTENCY_KEY: uuid4().hex, **(condition or {})}
    if body is None:
        return Call(method, path_of(*path), read, b"", headers)
    headers["content-type"] = "application/json"
    return Call(method, path_of(*path), read, _json(body), headers)


def upload(read: Callable[[bytes], T], content: Upload, *path: str, **query: Parameter) -> Call[T]:
    """Send a file."""
    headers = {_IDEMPOTENCY_KEY: uuid4().hex, "content-type": content.media_type}
    return Call("POST", path_of(*path, **query), read, content, headers)


def path_of(*segments: str, **query: Parameter) -> str:
    """A path below the API's prefix; each segment may hold any characters."""
    path = PREFIX + "".join(f"/{_segment(one)}" for one in segments)
    given = {name.rstrip("_"): value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def at_version(version: int | None) -> dict[str, str]:
    """The condition that a record still has a version; none where it may have any."""
    return {} if version is None else {"if-match": f'"{version}"'}


IF_NEW: Final[Mapping[str, str]] = {"if-none-match": "*"}
"""The condition that there is no such record yet."""


def nothing(_: bytes) -> None:
    """Read an answer without a body."""


def text(content: bytes) -> str:
    """Read an answer that is a text."""
    return content.decode()


def _segment(name: str) -> str:
    # A path drops "." and "..", which are ids like any other.
    return name.replace(".", "%2E") if name in {".", ".."} else quote(name, safe="")


def _json(body: BaseModel) -> bytes:
    # What was not set is left out: a preset, or what is stored, may say it instead.
    return body.model_dump_json(exclude_unset=True).encode()
