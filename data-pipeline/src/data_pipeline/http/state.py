"""What the composition root hands to the routes."""

from dataclasses import dataclass
from typing import Annotated, TypedDict

from fastapi import Depends, Path, Request

from backends.ports import FeatureReader
from contracts.identifiers import TenantId
from data_pipeline.services.ingestion import Ingestion
from data_pipeline.services.snapshots import Snapshots
from instrumentation.context import identify
from instrumentation.metrics import Metrics
from instrumentation.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The parts that answer requests."""

    ingestion: Ingestion
    snapshots: Snapshots
    features: FeatureReader
    metrics: Metrics
    tracing: Tracing


class State(TypedDict):
    """The lifespan's state."""

    pipeline: Pipeline


async def _pipeline(request: Request) -> Pipeline:
    return request.state.pipeline


async def _tenant(tenant_id: Annotated[TenantId, Path(alias="tenant")]) -> str:
    # Behind the service token the path is as good as a verified key.
    identify(tenant_id=tenant_id)
    return tenant_id


PipelineDep = Annotated[Pipeline, Depends(_pipeline)]
TenantDep = Annotated[str, Depends(_tenant)]
