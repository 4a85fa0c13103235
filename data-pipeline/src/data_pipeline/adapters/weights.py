"""The weights that tenants gave to their event types, and which types count by them."""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from backends.ports import EventWeights
from contracts.events import DEFAULT_WEIGHTS
from data_pipeline.adapters.tables import event_types


async def given_weights(
    connection: AsyncConnection, tenant_ids: Collection[str] | None = None
) -> dict[str, dict[str, float]]:
    """The weights that differ from the standard, by tenant and type: of these tenants or of all."""
    query = event_types.select()
    if tenant_ids is not None:
        query = query.where(event_types.c.tenant_id.in_(tenant_ids))
    found: dict[str, dict[str, float]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.tenant_id, {})[row.event_type] = row.weight
    return found


async def counting_types(connection: AsyncConnection, tenant_id: str) -> frozenset[str]:
    """The types of which events have a weight above 0."""
    given = await given_weights(connection, [tenant_id])
    # A type that is declared no more weighs nothing.
    weights = {**DEFAULT_WEIGHTS, **given.get(tenant_id, {})}
    return frozenset(name for name, weight in weights.items() if weight > 0)


async def all_weights(
    connection: AsyncConnection, tenant_ids: Collection[str] | None = None
) -> list[EventWeights]:
    """All weights of tenants that changed some."""
    given = await given_weights(connection, tenant_ids)
    return [EventWeights(of, {**DEFAULT_WEIGHTS, **weights}) for of, weights in given.items()]
