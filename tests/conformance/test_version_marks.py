"""Every implementation of the port VersionMarks."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backends.database import open_engine
from backends.ports import PortUnavailable
from ml_engine.adapters.serving_store import SqlServingStore
from ml_engine.adapters.version_marks import SqlVersionMarks
from ml_engine.registry.ports import Mark

pytestmark = pytest.mark.anyio

Marks = SqlVersionMarks


@pytest.fixture
def marks(engine: AsyncEngine) -> Marks:
    return SqlVersionMarks(engine)


@pytest.fixture
def other(other_engine: AsyncEngine) -> Marks:
    """Another replica's way to the same marks."""
    return SqlVersionMarks(other_engine)


@pytest.fixture
def serving(engine: AsyncEngine) -> SqlServingStore:
    return SqlServingStore(engine)


async def test_a_pin_stays_until_it_is_taken(marks: Marks, other: Marks) -> None:
    assert list(await marks.marked()) == []
    assert await marks.pin("acme", "v1")
    assert await other.pin("acme", "v1")
    assert list(await other.marked("acme")) == [("acme", "v1", Mark.PINNED)]
    assert list(await marks.marked("globex")) == []
    assert not await marks.let_leave("acme", "v1")
    await marks.unmark("acme", "v1", Mark.LEAVING)
    assert await marks.marked()
    await marks.unmark("acme", "v1", Mark.PINNED)
    assert list(await marks.marked()) == []
    assert await marks.let_leave("acme", "v1")


async def test_what_leaves_is_neither_pinned_nor_served_and_leaves_once(
    marks: Marks, serving: SqlServingStore
) -> None:
    await serving.replace("acme", [], ["v2"])
    assert await marks.let_leave("acme", "v1")
    assert not await marks.let_leave("acme", "v1")
    assert not await marks.pin("acme", "v1")
    assert await serving.replace("acme", ["v2"], ["v1", "v2"]) == 0
    assert list(await serving.history("acme")) == ["v2"]
    assert list(await marks.marked()) == [("acme", "v1", Mark.LEAVING)]
    assert await marks.let_leave("globex", "v1")


async def test_what_serves_and_what_served_before_stay(
    marks: Marks, serving: SqlServingStore
) -> None:
    await serving.replace("acme", [], ["v3", "v2", "v1"])
    (change,) = await serving.changes(0)
    assert not await marks.let_leave("acme", "v3")
    assert not await marks.let_leave("acme", "v2")
    assert await marks.let_leave("acme", "v1")
    assert list(await serving.history("acme")) == ["v3", "v2"]
    assert list(await serving.changes(0)) == [change]


async def test_of_a_removal_and_a_promotion_at_once_one_happens(
    marks: Marks, other_engine: AsyncEngine
) -> None:
    serving = SqlServingStore(other_engine)
    await serving.replace("acme", [], ["v2"])
    left, promoted = await asyncio.gather(
        marks.let_leave("acme", "v1"), serving.replace("acme", ["v2"], ["v1", "v2"])
    )
    assert left != bool(promoted)
    assert (await serving.history("acme"))[0] == ("v2" if left else "v1")


async def test_a_lost_database_is_unavailable(tmp_path: Path) -> None:
    store = SqlVersionMarks(open_engine(f"sqlite+aiosqlite:///{tmp_path}/empty.db", pool_size=1))
    with pytest.raises(PortUnavailable):
        await store.ping()
    with pytest.raises(PortUnavailable):
        await store.marked()
    await store.close()
