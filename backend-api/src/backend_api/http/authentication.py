"""From a request's headers to its tenant."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from backend_api.domain.keys import Principal
from backend_api.http.state import Provided
from instrumentation.context import identify

_bearer = HTTPBearer(auto_error=False, description="An API key: `rk_...`")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same key")


async def _authenticated(
    request: Request,
    services: Provided,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    header: Annotated[str | None, Security(_header)],
) -> Principal:
    key = bearer.credentials if bearer else header
    principal = await services.authenticator.authenticate(key)
    request.scope["state"]["tenant_id"] = principal.tenant_id
    identify(tenant_id=principal.tenant_id)
    return principal


Authenticated = Annotated[Principal, Depends(_authenticated)]
"""The caller; a route that takes it answers 401 without a valid key."""
