"""What the composition root hands to the routes."""

from dataclasses import dataclass
from typing import Annotated, Final, TypedDict

from fastapi import Depends, Path, Request
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from contracts.identifiers import TenantId
from instrumentation.metrics import Metrics
from instrumentation.tracing import Tracing
from ml_engine.registry.registry import ModelRegistry
from ml_engine.retrieval.deployment import Deployment
from ml_engine.retrieval.recommender import Recommender
from ml_engine.training.job_queue import TrainingQueue
from web.problems import problem_answers

_TENANT_ID: Final[TypeAdapter[str]] = TypeAdapter(TenantId)


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts that answer requests."""

    recommender: Recommender
    training: TrainingQueue
    registry: ModelRegistry
    deployment: Deployment
    metrics: Metrics
    tracing: Tracing


class State(TypedDict):
    """The lifespan's state."""

    engine: Engine


# Asynchronous, since FastAPI would call plain functions in threads.
async def _engine(request: Request) -> Engine:
    return request.state.engine


async def _tenant(request: Request, tenant_id: Annotated[TenantId, Path(alias="tenant")]) -> str:
    return _known(request, tenant_id)


def tenant_of(request: Request) -> str:
    """The tenant in the path `/v1/tenants/{tenant}/...`. Raises `RequestValidationError`."""
    given = request.scope["path"].removeprefix(request.scope.get("root_path", "")).split("/")[3]
    try:
        return _known(request, _TENANT_ID.validate_python(given))
    except ValidationError as error:
        [wrong] = error.errors(include_url=False, include_input=False)
        raise RequestValidationError([{**wrong, "loc": ("path", "tenant")}]) from error


def _known(request: Request, tenant_id: str) -> str:
    # Behind the service token the path is as good as a verified key.
    request.scope["state"]["tenant_id"] = tenant_id
    return tenant_id


EngineDep = Annotated[Engine, Depends(_engine)]
TenantDep = Annotated[str, Depends(_tenant)]

PROBLEMS = problem_answers(
    {
        400: "The body is not JSON.",
        401: "The service token is missing or wrong.",
        404: "There is no such thing.",
        413: "The body is too large.",
        422: "The request is not valid.",
        503: "A store does not answer; try again.",
    }
)
