"""Which events say something of a user or an item: those of a weight above 0."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from backends.ports import EventWeights
from contracts.events import DEFAULT_WEIGHTS


def weighing(
    batches: Sequence[tuple[str, pa.RecordBatch]], weights: Sequence[EventWeights]
) -> Sequence[tuple[str, pa.RecordBatch]]:
    """The events of a weight above 0.

    `weights` are those of the tenants that changed some. A type that is declared no more weighs
    nothing.
    """
    own = {of_tenant.tenant_id: of_tenant.weights for of_tenant in weights}
    return [
        (tenant_id, _of_types(batch, _heavy(own.get(tenant_id, DEFAULT_WEIGHTS))))
        for tenant_id, batch in batches
    ]


def _heavy(weights: Mapping[str, float]) -> pa.Array:
    return pa.array([name for name, weight in weights.items() if weight > 0], pa.string())


def _of_types(batch: pa.RecordBatch, types: pa.Array) -> pa.RecordBatch:
    mask = pc.call_function("is_in", [batch.column("event_type")], pc.SetLookupOptions(types))
    return batch if mask.true_count == len(batch) else batch.filter(mask)
