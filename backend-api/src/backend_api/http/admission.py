"""Lets callers in, or refuses them before anything else is done for them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend_api.domain.access import Access, Requirement
from backend_api.domain.access_errors import RateLimited
from backend_api.domain.errors import DomainError
from backend_api.http.errors import problem_of
from backend_api.http.state import Services
from backends.ports import Allowance, PortUnavailable
from instrumentation.context import current, identify

_RateLimitHeaders = tuple[tuple[bytes, bytes], tuple[bytes, bytes]]
_BEARER: Final = b"bearer "


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who was let in, for what."""

    access: Access
    requirement: Requirement


async def admit(scope: Scope, requirement: Requirement) -> Admitted:
    """Let the caller of a request in; the scope's state then holds `admitted`.

    Raises:
        MissingApiKey, InvalidApiKey: nobody is known by the request's key.
        OperatorKeyRequired, TenantKeyRequired, TenantSuspended, InsufficientScope: not for this.
        RateLimited, QuotaExceeded: not now.
        PortUnavailable: the store that knows the key does not answer.
    """
    state: dict[str, Any] = scope["state"]
    services: Services = state["services"]
    access_services = services.access
    access = await access_services.authenticator.authenticate(_key_of(scope))
    if access.tenant_id is not None:
        state["tenant_id"] = access.tenant_id
        identify(tenant_id=access.tenant_id)
    access_services.admission.check_kind(access, requirement)
    allowance = await access_services.admission.take(access, requirement)
    if allowance is not None:
        state["rate_limit"] = _rate_limit_headers(access, requirement, allowance)
        if not allowance.allowed:
            access_services.reports.rate_limited(access.tenant_id or "")
            raise RateLimited(requirement.route_class, allowance.retry_after)
    admitted = Admitted(access, requirement)
    await access_services.admission.check_rights(access, requirement)
    state["admitted"] = admitted
    return admitted


class Admission:
    """Asks each request for what its route requires; unknown paths and open ones pass through."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._requirements = requirements_of(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on where its caller may ask it, with the limits told in the answer."""
        requirement = self._required(scope)
        if requirement is None:
            await self._app(scope, receive, send)
            return

        async def with_limits(message: Message) -> None:
            limits: _RateLimitHeaders | None = scope["state"].get("rate_limit")
            if limits is not None and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *limits]
            await send(message)

        try:
            await admit(scope, requirement)
        except (DomainError, PortUnavailable) as error:
            await problem_of(error)(scope, receive, with_limits)
            return
        await self._app(scope, receive, with_limits)

    def _required(self, scope: Scope) -> Requirement | None:
        request = current()
        if scope["type"] != "http" or request is None:
            return None
        return self._requirements.get((scope["method"], request.endpoint or ""))


def requirements_of(routes: Iterable[BaseRoute]) -> Mapping[tuple[str, str], Requirement]:
    """What each method and route template requires, read from the callers its route takes."""
    found: dict[tuple[str, str], Requirement] = {}
    for route in iter_route_contexts(list(routes)):
        dependant: Dependant | None = getattr(route, "dependant", None)
        for needed in dependant.dependencies if dependant else ():
            requirement = getattr(needed.call, "requirement", None)
            if isinstance(requirement, Requirement):
                for method in route.methods or ():
                    found.setdefault((method, route.path_format or ""), requirement)
    return found


def _key_of(scope: Scope) -> str | None:
    bearer = header = None
    for name, value in scope["headers"]:
        if name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER:
            bearer = value[len(_BEARER) :].strip()
        elif name == b"x-api-key":
            header = value.strip()
    key = bearer or header
    return key.decode("latin-1") if key else None


def _rate_limit_headers(
    access: Access, requirement: Requirement, allowance: Allowance
) -> _RateLimitHeaders:
    # draft-ietf-httpapi-ratelimit-headers-10: a token bucket is its burst within the time that
    # fills it again.
    per_second, burst = (access.limits or {})[requirement.route_class]
    name = requirement.route_class
    policy = f'"{name}";q={burst};w={math.ceil(burst / per_second)}'
    left = f'"{name}";r={allowance.remaining};t={math.ceil(allowance.full_after)}'
    return (b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())
