"""Objects of the event log that no chunk names: on their way in, or on their way out."""

import time
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.ports import ObjectStore
from data_pipeline.adapters.tables import loose_objects
from data_pipeline.adapters.transactions import transaction


async def write_loose(
    engine: AsyncEngine, objects: ObjectStore, tenant_id: str, key: str, content: bytes
) -> None:
    """Write an object that a chunk will name, so that it is found should that never happen."""
    # Not in the shared transaction: what that one's failure leaves must be known.
    async with engine.begin() as connection:
        await loosen(connection, tenant_id, [key])
    await objects.put(key, content)


async def loosen(connection: AsyncConnection, tenant_id: str, keys: Sequence[str]) -> None:
    """Note objects that no chunk names from now on: they are swept when their readers are done."""
    now_ms = time.time_ns() // 1_000_000
    rows = [{"object_key": key, "tenant_id": tenant_id, "since_ms": now_ms} for key in keys]
    if rows:
        await connection.execute(loose_objects.insert(), rows)


async def bind(connection: AsyncConnection, key: str) -> bool:
    """Take an object for one that a chunk names; False where it was removed before."""
    bound = loose_objects.delete().where(loose_objects.c.object_key == key)
    return (await connection.execute(bound)).rowcount == 1


async def remove_own(engine: AsyncEngine, objects: ObjectStore, key: str) -> None:
    """Remove a loose object, where no chunk came to name it. Raises `PortUnavailable`.

    Whether the transaction of its chunk was committed may not be known, and may be settled only
    now: so the row is asked first, which waits for that. The object goes after this transaction,
    since a store that is away would keep everybody from writing.
    """
    async with engine.begin() as connection:
        loose = await bind(connection, key)
    if loose:
        await objects.delete(key)


async def remove_loose(
    engine: AsyncEngine, objects: ObjectStore, where: sa.ColumnElement[bool]
) -> int:
    """Remove the loose objects that match; how many. Raises `PortUnavailable`.

    In a transaction, whose locks keep out whoever would bind one of them.
    """
    async with transaction(engine) as connection:
        removed = loose_objects.delete().where(where).returning(loose_objects.c.object_key)
        keys = (await connection.execute(removed)).scalars().all()
        for key in keys:
            await objects.delete(key)
    return len(keys)
