"""The application: routes, errors and middleware."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from fastapi import FastAPI

from backend_api.http import (
    admin_plans,
    admin_tenants,
    keys,
    product_routes,
    recommendations,
    tenant,
    usage,
)
from backend_api.http.admission import Admission
from backend_api.http.errors import add_error_handlers
from backend_api.http.idempotency import IdempotencyKeys
from backend_api.http.metering import Metering
from backend_api.http.openapi import DocumentedApi
from backend_api.http.state import State
from contracts.public.access import (
    KeyRotation,
    NewKey,
    NewTenant,
    PlanSettings,
    TenantChanges,
)
from instrumentation.health import HealthCheck
from instrumentation.middleware import TelemetryMiddleware
from instrumentation.rates import Counted, Rates
from instrumentation.telemetry import Telemetry
from web.body_limit import BodyLimit
from web.direct_routes import DirectRouting
from web.request_decoding import RequestDecoding

_ROUTERS: Final = (
    *product_routes.ROUTERS,
    tenant.router,
    keys.router,
    usage.router,
    admin_tenants.router,
    admin_plans.router,
)
# A request's tokens are the records that it brought.
_RATES: Final = {
    "recommendations": Counted("recommendation_requests_total"),
    "events": Counted("api_usage_tokens_total", {"endpoint": "/api/v1/events"}),
}
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[State]]


def create_app(
    telemetry: Telemetry,
    lifespan: Lifespan,
    checks: Sequence[HealthCheck],
    *,
    max_body_bytes: int,
    max_import_bytes: int,
) -> FastAPI:
    """The public API; `lifespan` gives the state that its routes work with."""
    settings = telemetry.settings
    rates = Rates(telemetry.metrics, _RATES)
    app = DocumentedApi(
        title="Embedding recommender",
        description="Recommendations, similar items, and the events they learn from.",
        version=settings.service_version,
        models=(
            *product_routes.BODIES,
            NewKey,
            KeyRotation,
            NewTenant,
            TenantChanges,
            PlanSettings,
        ),
        lifespan=lifespan,
        redirect_slashes=False,
        # TelemetryMiddleware does it in one pass.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        # As they were made: `include_router` would make each a second time.
        routes=[
            *(route for router in _ROUTERS for route in router.routes),
            *telemetry.routes(checks, rates),
        ],
    )
    add_error_handlers(app)
    # The last one added is the outermost.
    app.add_middleware(
        DirectRouting, routes=recommendations.DIRECT_ROUTES, handlers=app.exception_handlers
    )
    app.add_middleware(IdempotencyKeys)
    app.add_middleware(Admission, routes=app.routes)
    app.add_middleware(Metering)
    app.add_middleware(
        BodyLimit, max_bytes=max_body_bytes, uploads={"/api/v1/imports": max_import_bytes}
    )
    app.add_middleware(RequestDecoding)
    app.add_middleware(
        TelemetryMiddleware,
        metrics=telemetry.metrics,
        tracing=telemetry.tracing,
        service=telemetry.metrics.service,
        routes=app.routes,
        rates=rates,
    )
    return app
