"""Whose name a user id is: the log keeps ids as they came, and whoever reads it resolves them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from data_pipeline.adapters.tables import merged_ids

IDS_AT_ONCE: Final = 10_000
"""How many ids a statement names at most."""


async def owners(
    connection: AsyncConnection, tenant_id: str, user_ids: Collection[str]
) -> Mapping[str, str]:
    """The users whose names some ids are, by the id; an id that was not merged is not in it."""
    found: dict[str, str] = {}
    for some in _parts(user_ids):
        query = sa.select(merged_ids.c.merged_id, merged_ids.c.user_id).where(
            merged_ids.c.tenant_id == tenant_id, merged_ids.c.merged_id.in_(some)
        )
        found |= {row.merged_id: row.user_id for row in await connection.execute(query)}
    return found


async def all_owners(connection: AsyncConnection, tenant_id: str) -> Mapping[str, str]:
    """The users whose names all merged ids of a tenant are, by the id."""
    query = sa.select(merged_ids.c.merged_id, merged_ids.c.user_id)
    rows = await connection.execute(query.where(merged_ids.c.tenant_id == tenant_id))
    return {row.merged_id: row.user_id for row in rows}


async def names(
    connection: AsyncConnection, tenant_id: str, user_ids: Collection[str]
) -> Mapping[str, str]:
    """All ids under which the events of some users came, each with its user.

    Of an id that was merged into another user there are none.
    """
    merged = await owners(connection, tenant_id, user_ids)
    found = {user_id: user_id for user_id in user_ids if user_id not in merged}
    for some in _parts(list(found)):
        query = sa.select(merged_ids.c.merged_id, merged_ids.c.user_id).where(
            merged_ids.c.tenant_id == tenant_id, merged_ids.c.user_id.in_(some)
        )
        found |= {row.merged_id: row.user_id for row in await connection.execute(query)}
    return found


async def named_by_owners(
    connection: AsyncConnection, tenant_id: str, events: pa.RecordBatch
) -> pa.RecordBatch:
    """Events with a column `user_id`, with the users that their ids were merged into."""
    any_merged = sa.select(sa.literal(1)).where(merged_ids.c.tenant_id == tenant_id).limit(1)
    if (await connection.execute(any_merged)).one_or_none() is None:
        return events
    encoded = events.column("user_id").dictionary_encode()
    user_ids: list[str] = encoded.dictionary.to_pylist()
    merged = await owners(connection, tenant_id, user_ids)
    if not merged:
        return events
    named = pa.array([merged.get(user_id, user_id) for user_id in user_ids], pa.string())
    place = events.schema.get_field_index("user_id")
    return events.set_column(place, events.schema.field(place), pc.take(named, encoded.indices))


def _parts(user_ids: Collection[str]) -> Iterator[Sequence[str]]:
    left = iter(user_ids)
    while some := list(islice(left, IDS_AT_ONCE)):
        yield some
