"""How a client reaches the recommender: the settings that sync and async share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final, TypeAlias

import httpx2

from recommender_client.calls import Call
from recommender_client.retries import RetryPolicy

HeadersHook: TypeAlias = Callable[[], Mapping[str, str]]
"""Gives headers to add, asked anew for each attempt: `traceparent`, for one."""

Content: TypeAlias = bytes | httpx2.SyncByteStream | httpx2.AsyncByteStream
RawHeaders: TypeAlias = tuple[tuple[bytes, bytes], ...]
DEFAULT_TIMEOUT_SECONDS: Final = 10.0
_USER_AGENT: Final = f"recommender-client/{version('recommender-client')}"


@dataclass(frozen=True, slots=True)
class Connection:
    """The address and the key, and how to ask."""

    address: str
    retries: RetryPolicy
    hook: HeadersHook | None
    _headers: RawHeaders = field(repr=False)
    _extensions: dict[str, dict[str, float | None]] = field(repr=False)

    @classmethod
    def to(
        cls,
        base_url: str,
        api_key: str,
        *,
        timeout: float | httpx2.Timeout,
        retries: RetryPolicy,
        headers: HeadersHook | None,
    ) -> "Connection":
        """Check the address and the key.

        Raises:
            ValueError: one of them cannot be right; the key is not quoted.
        """
        url = httpx2.URL(base_url)
        if url.scheme not in {"http", "https"} or not url.host:
            raise ValueError("base_url is the recommender's address, such as https://recs.example")
        if url.userinfo or url.query or url.fragment:
            raise ValueError("base_url is an address alone; the key goes into api_key")
        if not api_key.isascii() or not api_key.isprintable() or " " in api_key or not api_key:
            raise ValueError("api_key is no API key: it has none of spaces and special characters")
        always = {
            "accept": "application/json, application/problem+json",
            "authorization": f"Bearer {api_key}",
            "user-agent": _USER_AGENT,
        }
        raw = ((b"Host", url.netloc), *_raw(always))
        extensions = {"timeout": httpx2.Timeout(timeout).as_dict()}
        return cls(str(url).rstrip("/"), retries, headers, raw, extensions)

    def request(self, call: Call[Any], content: Content) -> httpx2.Request:
        """The call as it goes over the wire."""
        headers = [*self._headers, *_raw(call.headers)]
        if not isinstance(content, bytes):
            headers.append((b"Transfer-Encoding", b"chunked"))
        elif call.method != "GET":
            headers.append((b"Content-Length", str(len(content)).encode()))
        if self.hook is not None:
            headers += _raw(self.hook())
        # By a stream and whole headers: httpx2 would put them together anew, several times.
        return httpx2.Request(
            call.method,
            _url(self.address + call.path),
            headers=headers,
            stream=httpx2.ByteStream(content) if isinstance(content, bytes) else content,
            extensions=self._extensions,
        )


def _raw(headers: Mapping[str, str]) -> RawHeaders:
    return tuple((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items())


# Parsing an address costs as much as the rest of a request, and most are asked for again.
_url = lru_cache(maxsize=256)(httpx2.URL)
