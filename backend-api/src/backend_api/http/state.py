"""What the lifespan hands on to the routes."""

from dataclasses import dataclass
from typing import Annotated, TypedDict, cast

from fastapi import Depends, Request

from backend_api.http.reports import Reports
from backend_api.services.authentication import Authenticator
from backend_api.services.events import EventService
from backend_api.services.recommendations import RecommendationService


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases, and the reports of what they did."""

    authenticator: Authenticator
    recommendations: RecommendationService
    events: EventService
    reports: Reports


class State(TypedDict):
    """The lifespan's state, which the server puts into each request."""

    services: Services


async def _services(request: Request) -> Services:
    return cast("Services", request.state.services)


Provided = Annotated[Services, Depends(_services)]
