"""What the composition root hands to the routes."""

from dataclasses import dataclass
from typing import Annotated, TypedDict

from fastapi import Depends, Path, Query, Request

from contracts.events import EventTypeName
from contracts.identifiers import Identifier, TenantId
from data_pipeline.services.accounting import Accounts
from data_pipeline.services.erasure import Erasure
from data_pipeline.services.event_types import EventTypes
from data_pipeline.services.events import Events
from data_pipeline.services.imports import Imports
from data_pipeline.services.ingestion import Ingestion
from data_pipeline.services.items import Items
from data_pipeline.services.people import People
from data_pipeline.services.quarantine import QuarantinedRecords
from data_pipeline.services.replays import Replays
from data_pipeline.services.snapshots import Snapshots
from data_pipeline.services.users import Users
from data_pipeline.services.validation_rules import ValidationRules
from instrumentation.context import identify
from instrumentation.metrics import Metrics
from instrumentation.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The parts that answer requests."""

    ingestion: Ingestion
    snapshots: Snapshots
    items: Items
    users: Users
    events: Events
    event_types: EventTypes
    validation_rules: ValidationRules
    people: People
    erasure: Erasure
    imports: Imports
    accounts: Accounts
    quarantine: QuarantinedRecords
    replays: Replays
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


async def _user(user_id: Annotated[Identifier, Path()]) -> str:
    identify(user_id=user_id)
    return user_id


PipelineDep = Annotated[Pipeline, Depends(_pipeline)]
TenantDep = Annotated[str, Depends(_tenant)]
UserDep = Annotated[str, Depends(_user)]
ItemIdPath = Annotated[Identifier, Path()]
EventIdPath = Annotated[Identifier, Path()]
EventTypePath = Annotated[EventTypeName, Path()]
IfMatch = Annotated[
    int | None,
    Query(ge=0, le=2**63 - 1, description="The version that the record must have; 0 for none."),
]
