"""The callers of routes: what a route takes to say whom it is for.

`Admission` has let the caller in before the route is looked for; the dependencies here only hand
on who it is. They ask again where it did not, so no route is open by mistake.
"""

from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from backend_api.domain.access import Operator, Principal, Requirement
from backend_api.http.admission import Admitted, admit
from contracts.public.access import RouteClass, Scope

_bearer = HTTPBearer(auto_error=False, description="An API key: `rk_...`")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same key")


class CallerDependency:
    """Gives a route its caller; the route's requirement can be read from it."""

    def __init__(self, requirement: Requirement) -> None:
        self.requirement = requirement

    async def admitted(self, request: Request) -> Admitted:
        """The caller as it was let in, now if not before. Raises what `admit` raises."""
        admitted: Admitted | None = request.scope["state"].get("admitted")
        if admitted is None or admitted.requirement != self.requirement:
            admitted = await admit(request.scope, self.requirement)
        return admitted


class TenantCaller(CallerDependency):
    """A tenant, by one of its keys."""

    async def __call__(
        self,
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
        header: Annotated[str | None, Security(_header)],
    ) -> Principal:
        """The caller; the parameters are for the OpenAPI document."""
        del bearer, header
        access = (await self.admitted(request)).access
        assert access.tenant_id is not None  # noqa: S101 - admitted to a tenant's route
        return Principal(access.tenant_id, access.key_id)


class OperatorOnly(CallerDependency):
    """Who runs the system."""

    async def __call__(
        self,
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
        header: Annotated[str | None, Security(_header)],
    ) -> Operator:
        """The caller; the parameters are for the OpenAPI document."""
        del bearer, header
        return Operator((await self.admitted(request)).access.key_id)


serving_caller: Final = TenantCaller(Requirement(Scope.READ, RouteClass.SERVING))
ServingCaller = Annotated[Principal, Depends(serving_caller)]
"""Asks for recommendations."""

IngestionCaller = Annotated[
    Principal, Depends(TenantCaller(Requirement(Scope.WRITE, RouteClass.INGESTION)))
]
"""Sends records in bulk."""

ReadingCaller = Annotated[
    Principal, Depends(TenantCaller(Requirement(Scope.READ, RouteClass.MANAGEMENT)))
]
"""Reads what the tenant has."""

WritingCaller = Annotated[
    Principal, Depends(TenantCaller(Requirement(Scope.WRITE, RouteClass.MANAGEMENT)))
]
"""Changes what the tenant has."""

AdminCaller = Annotated[
    Principal, Depends(TenantCaller(Requirement(Scope.ADMIN, RouteClass.MANAGEMENT)))
]
"""Administers the tenant."""

OperatorCaller = Annotated[
    Operator,
    Depends(OperatorOnly(Requirement(Scope.ADMIN, RouteClass.MANAGEMENT, operator=True))),
]
"""Administers the system."""
