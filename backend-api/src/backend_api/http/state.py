"""What the lifespan hands on to the routes."""

from dataclasses import dataclass
from typing import Annotated, TypedDict, cast

from fastapi import Depends, Request

from backend_api.http.access_reports import AccessReports
from backend_api.http.product_state import Product
from backend_api.services.admission import AdmissionService
from backend_api.services.audit import AuditService
from backend_api.services.authentication import Authenticator
from backend_api.services.idempotency import IdempotencyService
from backend_api.services.keys import KeyService
from backend_api.services.metering import UsageMeter
from backend_api.services.plans import PlanService
from backend_api.services.tenants import TenantService
from backend_api.services.usage import UsageService


@dataclass(frozen=True, slots=True)
class AccessServices:
    """Who may do what, what they used, and the reports of it."""

    authenticator: Authenticator
    admission: AdmissionService
    meter: UsageMeter
    idempotency: IdempotencyService
    tenants: TenantService
    plans: PlanService
    keys: KeyService
    audit: AuditService
    usage: UsageService
    reports: AccessReports


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases, and the reports of what they did."""

    access: AccessServices
    product: Product


class State(TypedDict):
    """The lifespan's state, which the server puts into each request."""

    services: Services


async def _services(request: Request) -> Services:
    return cast("Services", request.state.services)


Provided = Annotated[Services, Depends(_services)]
