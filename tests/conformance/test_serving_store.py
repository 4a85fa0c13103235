"""Every implementation of the port ServingStore."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backends.database import open_engine
from backends.ports import PortUnavailable
from ml_engine.adapters.serving_store import SqlServingStore

pytestmark = pytest.mark.anyio

Store = SqlServingStore


@pytest.fixture
def store(engine: AsyncEngine) -> Store:
    return SqlServingStore(engine)


@pytest.fixture
def other(other_engine: AsyncEngine) -> Store:
    """Another replica's way to the same versions."""
    return SqlServingStore(other_engine)


async def test_nothing_serves_at_first(store: Store) -> None:
    assert list(await store.history("acme")) == []
    assert list(await store.changes(0)) == []


async def test_a_history_is_replaced_only_as_it_was_seen(store: Store, other: Store) -> None:
    assert await store.replace("acme", [], ["v1"])
    assert await other.replace("acme", [], ["v2"]) == 0
    assert list(await store.history("acme")) == ["v1"]
    assert await other.replace("acme", ["v1"], ["v2", "v1"])
    assert list(await store.history("acme")) == ["v2", "v1"]


async def test_of_two_changes_at_once_one_is_made(store: Store, other: Store) -> None:
    await store.replace("acme", [], ["v1"])
    changes = [one.replace("acme", ["v1"], [v, "v1"]) for one, v in ((store, "a"), (other, "b"))]
    sequences = await asyncio.gather(*changes)
    assert sorted(bool(sequence) for sequence in sequences) == [False, True]
    (change,) = await store.changes(0)
    assert change == (max(sequences), "acme", "a" if sequences[0] else "b")


async def test_changes_come_once_in_their_order_the_last_of_each_tenant(store: Store) -> None:
    first = await store.replace("acme", [], ["v1"])
    await store.replace("globex", [], ["g1"])
    last = await store.replace("acme", ["v1"], ["v2", "v1"])
    changes = await store.changes(first)
    assert [(tenant, version) for _, tenant, version in changes] == [
        ("globex", "g1"),
        ("acme", "v2"),
    ]
    assert changes[-1].sequence == last
    assert list(await store.changes(last)) == []


async def test_a_lost_database_is_unavailable(tmp_path: Path) -> None:
    store = SqlServingStore(open_engine(f"sqlite+aiosqlite:///{tmp_path}/empty.db", pool_size=1))
    with pytest.raises(PortUnavailable):
        await store.ping()
    with pytest.raises(PortUnavailable):
        await store.changes(0)
    await store.close()
