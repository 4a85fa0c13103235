"""What is known about the request being served: read by logs, written by the edge.

One `RequestContext` object per request sits in a context variable. It is shared, not copied,
by threads and child tasks of the request, so what authentication learns deep inside a
dependency is seen by the access log line outside.
"""

import hashlib
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Final


@dataclass(slots=True)
class RequestContext:
    """Who asks for what: each field is None until it is known.

    `endpoint` is the route template; `user_hash` is `hash_user` of the user id, never the id.
    """

    request_id: str | None = None
    tenant_id: str | None = None
    user_hash: str | None = None
    endpoint: str | None = None


_current: Final[ContextVar[RequestContext | None]] = ContextVar("request_context", default=None)


def bind(context: RequestContext) -> Token[RequestContext | None]:
    """Make `context` the current one; give the token to `reset` when the work ends."""
    return _current.set(context)


def reset(token: Token[RequestContext | None]) -> None:
    """Return to the context before `bind`."""
    _current.reset(token)


def current() -> RequestContext | None:
    """The context of the request being served, None outside of one."""
    return _current.get()


def identify(*, tenant_id: str | None = None, user_id: str | None = None) -> None:
    """Tell the current context who asks, once authentication knows; nothing outside a request."""
    context = _current.get()
    if context is None:
        return
    if tenant_id is not None:
        context.tenant_id = tenant_id
    if user_id is not None:
        context.user_hash = hash_user(user_id)


def hash_user(user_id: str) -> str:
    """16 hex digits that stand for a user in logs and traces: SHA-256, truncated to 64 bits."""
    return hashlib.sha256(user_id.encode()).hexdigest()[:16]
