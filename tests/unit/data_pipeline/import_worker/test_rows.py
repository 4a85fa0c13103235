"""The worker takes files in, chunk by chunk, and says what became of each row."""

import pytest
from tests.unit.data_pipeline.import_worker.pipeline import counts, event

from contracts.imports import DataType, ImportStatus

pytestmark = pytest.mark.anyio


async def test_rows_are_stored_counted_and_named_by_their_number_in_the_file(pipeline) -> None:
    rows = [event(n) for n in range(7)]
    rows[2:2] = [event(0), event(9, event_type="unheard"), "x"]
    rows += [event(20, timestamp="never")]
    import_id = await pipeline.upload(rows)
    async with pipeline.working():
        job = await pipeline.finished(import_id)
        await pipeline.cleared()
    assert job.status is ImportStatus.COMPLETED, job.error
    assert counts(job) == (11, 7, 1, 3)
    assert [(one.index, one.code) for one in job.first_rejections] == [
        (3, "unknown_event_type"),
        (4, "not_an_object"),
        (10, "invalid_timestamp"),
    ]
    assert job.progress == 1.0
    assert job.created_at < job.started_at < job.finished_at
    assert await pipeline.stored() == [f"i{n:03d}" for n in range(7)]
    assert [what for what, _ in pipeline.recorder.told] == [
        "began",
        "chunk of 4",
        "chunk of 4",
        "chunk of 3",
        "completed",
    ]


async def test_only_the_first_rejections_are_named(pipeline) -> None:
    import_id = await pipeline.upload([event(n, value="x") for n in range(30)])
    async with pipeline.working():
        job = await pipeline.finished(import_id)
    assert counts(job) == (30, 0, 0, 30)
    assert [one.index for one in job.first_rejections] == list(range(20))


async def test_the_same_file_again_is_all_duplicates(pipeline) -> None:
    async with pipeline.working():
        for data_type, row in (
            (DataType.EVENTS, event(1)),
            (DataType.ITEMS, {"item_id": "i", "attributes": {"price": 1.5}}),
            (DataType.USERS, {"user_id": "u", "attributes": {"age": 3}}),
        ):
            for expected in ((1, 1, 0, 0), (1, 0, 1, 0)):
                import_id = await pipeline.upload([row], data_type=data_type)
                assert counts(await pipeline.finished(import_id)) == expected


async def test_tenants_take_turns_chunk_by_chunk(pipeline) -> None:
    for tenant, rows in (("a", 12), ("a", 4), ("b", 4), ("c", 8)):
        last = await pipeline.upload([event(n) for n in range(rows)], tenant)
    async with pipeline.working():
        await pipeline.finished(last, "c")
    turns = [tenant for what, tenant in pipeline.recorder.told if what.startswith("chunk")]
    assert turns[:6] == ["a", "b", "c", "a", "c", "a"]
