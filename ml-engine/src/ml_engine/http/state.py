"""What the composition root hands to the routes."""

from dataclasses import dataclass
from typing import Annotated, TypedDict

from fastapi import Depends, Path, Request

from contracts.identifiers import TenantId
from instrumentation.metrics import Metrics
from instrumentation.tracing import Tracing
from ml_engine.registry.registry import ModelRegistry
from ml_engine.retrieval.deployment import Deployment
from ml_engine.retrieval.recommender import Recommender
from ml_engine.training.job_queue import TrainingQueue
from web.problems import problem_answers


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


def _engine(request: Request) -> Engine:
    return request.state.engine


def _tenant(request: Request, tenant_id: Annotated[TenantId, Path(alias="tenant")]) -> str:
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
