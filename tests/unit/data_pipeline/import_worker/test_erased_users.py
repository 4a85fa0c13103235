"""No file brings an erased user back."""

import asyncio
from typing import Any

import pytest
from tests.unit.data_pipeline.import_worker.pipeline import counts, event

from contracts.imports import DataType

pytestmark = pytest.mark.anyio


async def test_an_erased_user_is_not_brought_back_by_an_older_file(pipeline) -> None:
    rows = [event(n) for n in range(6)]
    import_id = await pipeline.upload([*rows[:2], {"bad": 1}, *rows[2:]])
    users = await pipeline.upload([{"user_id": f"u{n}"} for n in range(3)], "acme", DataType.USERS)
    await pipeline.erased.mark("acme", ["u1"], pipeline.clock())
    newer = await pipeline.upload([event(7)])
    other = await pipeline.upload([event(1)], "other")
    async with pipeline.working():
        job = await pipeline.finished(import_id)
        assert counts(job) == (7, 4, 0, 3)
        assert [(one.index, one.code) for one in job.first_rejections] == [
            (1, "user_erased"),
            (2, "missing_field"),
            (5, "user_erased"),
        ]
        assert counts(await pipeline.finished(users)) == (3, 2, 0, 1)
        assert counts(await pipeline.finished(newer)) == (1, 1, 0, 0)
        assert counts(await pipeline.finished(other, "other")) == (1, 1, 0, 0)
    assert [(place, code) for place, code, raw in await pipeline.quarantined() if not raw] == [
        (1, "user_erased"),
        (1, "user_erased"),
        (5, "user_erased"),
    ]


async def test_a_damaged_row_of_an_erased_user_leaves_no_bytes(pipeline) -> None:
    rows = [event(1, value="x"), event(2, value="x"), event(4, value="x", note="of u1")]
    import_id = await pipeline.upload(rows)
    await pipeline.erased.mark("acme", ["u1"], pipeline.clock())
    async with pipeline.working():
        assert counts(await pipeline.finished(import_id)) == (3, 0, 0, 3)
    kept = {place: bool(raw) for place, _, raw in await pipeline.quarantined()}
    assert kept == {0: False, 1: True, 2: False}


async def test_an_erasure_while_a_chunk_is_on_its_way_has_it_done_again(pipeline) -> None:
    import_id = await pipeline.upload([event(n) for n in range(4)])
    original, loads = pipeline.storage.events.store, []

    async def store(staged: Any) -> Any:
        if not loads:
            # As another service would, between the look before and the look after.
            await pipeline.erased.mark("acme", ["u2"], pipeline.clock())
        loads.append(staged.new)
        return await original(staged)

    pipeline.storage.events.store = store
    async with pipeline.working():
        while not loads:
            await asyncio.sleep(0.001)
        await pipeline.erased.mark("acme", ["u2"], pipeline.clock())
        job = await pipeline.finished(import_id)
    assert counts(job) == (4, 3, 0, 1)
    assert await pipeline.stored() == ["i000", "i001", "i003"]
