"""Statements that several stores share: sequences, and whose name an id is."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from data_pipeline.adapters.tables import counters, merged_ids


async def take_sequences(connection: AsyncConnection, counter: str, count: int) -> int:
    """Reserve `count` sequences; the last of them.

    The counter's row stays locked until the commit: so sequences become visible in their order
    on any engine, and what was read after this call is not changed by others meanwhile.
    """
    taken = counters.update().where(counters.c.name == counter)
    taken = taken.values(value=counters.c.value + count).returning(counters.c.value)
    return (await connection.execute(taken)).scalar_one()


async def resolved(connection: AsyncConnection, tenant_id: str, user_id: str) -> str:
    """The user whose name this id is: itself, where it was not merged."""
    query = sa.select(merged_ids.c.user_id).where(
        merged_ids.c.tenant_id == tenant_id, merged_ids.c.merged_id == user_id
    )
    return (await connection.execute(query)).scalar_one_or_none() or user_id
