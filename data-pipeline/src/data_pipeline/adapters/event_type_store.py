"""EventTypeStore in a relational database."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.availability import available
from backends.ports import ObjectStore
from backends.sql_store import SqlStore
from backends.upserts import insert
from contracts.events import DEFAULT_WEIGHTS
from data_pipeline.adapters.chunk_reader import ChunkReader, chunks_of
from data_pipeline.adapters.deduplication import EVENT_COUNTER
from data_pipeline.adapters.marks import MarkKind, last_mark, mark
from data_pipeline.adapters.store import take_sequences
from data_pipeline.adapters.tables import event_chunks, event_types
from data_pipeline.adapters.transactions import transaction
from data_pipeline.adapters.user_names import owners
from data_pipeline.adapters.weights import counting_types, given_weights
from data_pipeline.domain.records import EventFilter

_INSERT = insert(event_types)
_REPLACE = _INSERT.on_conflict_do_update(
    index_elements=["tenant_id", "event_type"], set_={"weight": _INSERT.excluded.weight}
)


class SqlEventTypeStore(SqlStore):
    """A row per weight that a tenant gave."""

    what = "event types"
    table = event_types

    def __init__(self, engine: AsyncEngine, objects: ObjectStore) -> None:
        super().__init__(engine)
        self._chunks = ChunkReader(engine, objects)

    async def weights(self, tenant_id: str) -> Mapping[str, float]:
        """The weights that differ from the standard."""
        with available(self.what):
            async with self._reading.begin() as connection:
                return (await given_weights(connection, [tenant_id])).get(tenant_id, {})

    async def set(self, tenant_id: str, event_type: str, weight: float | None) -> int:
        """Give a type a weight; mark what its events touch where they come to count or cease to."""
        given = DEFAULT_WEIGHTS.get(event_type, 0.0) if weight is None else weight
        with available(self.what):
            while True:
                touched = _Touched()
                async with self._reading.begin() as connection:
                    turns = await _counts(connection, tenant_id, event_type) != (given > 0)
                if turns:
                    await self._touch(tenant_id, event_type, touched)
                async with transaction(self._engine) as connection:
                    # First, since it takes the lock under which nobody writes to the log.
                    await take_sequences(connection, EVENT_COUNTER, 0)
                    if turns != (await _counts(connection, tenant_id, event_type) != (given > 0)):
                        continue
                    if turns:
                        # Again, for what was stored meanwhile.
                        await self._touch(tenant_id, event_type, touched)
                        named = await owners(connection, tenant_id, touched.user_ids)
                        user_ids = {named.get(user_id, user_id) for user_id in touched.user_ids}
                        await mark(connection, tenant_id, MarkKind.HISTORY, sorted(user_ids))
                        item_ids = sorted(touched.item_ids)
                        await mark(connection, tenant_id, MarkKind.ITEM_COUNT, item_ids)
                    await _replace(connection, tenant_id, event_type, weight)
                    await mark(connection, tenant_id, MarkKind.WEIGHTS, [event_type])
                    return await last_mark(connection)

    async def _touch(self, tenant_id: str, event_type: str, touched: "_Touched") -> None:
        """Add the users and items that events of a type name, of chunks not read before."""
        where = EventFilter(event_types=frozenset([event_type]))
        query = chunks_of(tenant_id).where(event_chunks.c.last_sequence > touched.last_sequence)
        query = query.order_by(event_chunks.c.last_sequence)
        async with aclosing(self._chunks.walk(query)) as chunks:
            async for chunk in chunks:
                for batch in await self._chunks.events(chunk, ["user_id", "item_id"], where):
                    touched.user_ids.update(batch.column("user_id").unique().to_pylist())
                    touched.item_ids.update(batch.column("item_id").unique().to_pylist())
                touched.last_sequence = chunk.last_sequence


@dataclass(slots=True)
class _Touched:
    """The users and items of the events of a type, as far as a sequence."""

    last_sequence: int = 0
    user_ids: set[str] = field(default_factory=set[str])
    item_ids: set[str] = field(default_factory=set[str])


async def _counts(connection: AsyncConnection, tenant_id: str, event_type: str) -> bool:
    return event_type in await counting_types(connection, tenant_id)


async def _replace(
    connection: AsyncConnection, tenant_id: str, event_type: str, weight: float | None
) -> None:
    if weight is None:
        await connection.execute(
            event_types.delete().where(
                event_types.c.tenant_id == tenant_id, event_types.c.event_type == event_type
            )
        )
        return
    row = {"tenant_id": tenant_id, "event_type": event_type, "weight": weight}
    await connection.execute(_REPLACE, row)
