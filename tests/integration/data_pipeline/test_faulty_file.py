"""A file with faults: each is found and named, all else is loaded, and all can be mended."""

import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.data_pipeline.faulty_files import (
    ITEMS,
    FaultyFile,
    faulty_csv,
    faulty_jsonl,
    faulty_parquet,
    sound_event,
)
from tests.integration.data_pipeline.killed_pipeline import KilledPipeline
from tests.integration.data_pipeline.stored_events import stored_event_ids
from tests.integration.data_pipeline.taken_in import pages
from tests.real_processes import wait_for

TENANT = "/v1/tenants/acme"
PAGE = 1_000


@pytest.fixture
def pipeline(tmp_path: Path) -> Generator[KilledPipeline]:
    pipeline = KilledPipeline(tmp_path)
    pipeline.start()
    pipeline.wait_until_ready()
    yield pipeline
    pipeline.close()


@pytest.mark.slow
@pytest.mark.measuring
def test_a_million_rows_with_faults_of_twelve_kinds(pipeline: KilledPipeline) -> None:
    file = faulty_csv(1_000_000)
    seconds = faults_are_found_and_mended(pipeline, "csv", file)
    print(f"\n{file.rows} rows, {len(file.codes)} of them rejected: {seconds}")  # noqa: T201


@pytest.mark.parametrize(
    ("file_format", "make"),
    [("csv", faulty_csv), ("jsonl", faulty_jsonl), ("parquet", faulty_parquet)],
    ids=["csv", "jsonl", "parquet"],
)
def test_faults_of_each_format(
    pipeline: KilledPipeline, file_format: str, make: Callable[[int], FaultyFile]
) -> None:
    faults_are_found_and_mended(pipeline, file_format, make(20_000))


def faults_are_found_and_mended(
    pipeline: KilledPipeline, file_format: str, file: FaultyFile
) -> dict[str, float]:
    loadable = [row for row in range(file.rows) if row not in file.duplicates]
    ids = sorted(f"e{row}" for row in loadable)
    sound = sorted(f"e{row}" for row in loadable if row not in file.codes)
    duplicates, faults = len(file.duplicates), len(file.codes)
    seconds: dict[str, float] = {}
    with pipeline.client() as client:
        unknown_items_are_rejected(client)
        started = time.monotonic()
        job = imported(client, file_format, file.content)
        seconds["import"] = round(time.monotonic() - started, 1)
        assert (job["rows"], job["accepted"]) == (file.rows, len(sound))
        assert (job["duplicates"], job["rejected"]) == (duplicates, faults)
        assert job["notices"] == file.notices
        waiting = quarantined(client, job["import_id"])
        assert {one["place"]: one["code"] for one in waiting} == file.codes
        assert {one["source"] for one in waiting} == {"file"}
        assert stored_event_ids(pipeline.data_dir) == sound
        assert totals(client) == (file.rows, len(sound), duplicates, faults)
        started = time.monotonic()
        mend(client, waiting)
        seconds["replay"] = round(time.monotonic() - started, 1)
        assert quarantined(client, job["import_id"]) == []
        assert stored_event_ids(pipeline.data_dir) == ids
        assert totals(client) == (file.rows, len(ids), duplicates, 0)
    return seconds


def unknown_items_are_rejected(client: httpx2.Client) -> None:
    items = {"items": [{"item_id": item_id} for item_id in ITEMS]}
    assert asked(client, "POST", "items", json=items)["accepted"] == len(ITEMS)
    asked(client, "PUT", "validation-rules", json={"events": {"unknown_items": "reject"}})


def imported(client: httpx2.Client, file_format: str, content: bytes) -> dict[str, Any]:
    """The job of a file once it is over."""
    params = {"data_type": "events", "format": file_format}
    job = asked(client, "POST", "imports", params=params, content=content)
    job = wait_for(
        lambda: asked(client, "GET", f"imports/{job['import_id']}"),
        lambda one: one["status"] not in ("queued", "running"),
    )
    assert (job["status"], job["error"]) == ("completed", None)
    return job


def quarantined(client: httpx2.Client, origin: str) -> list[dict[str, Any]]:
    """All that waits of an import."""
    return list(pages(client, f"{TENANT}/quarantine", origin=origin))


def mend(client: httpx2.Client, waiting: list[dict[str, Any]]) -> None:
    """Replay what the rows should have been in the place of what they were."""
    for first in range(0, len(waiting), PAGE):
        replacements = [
            {"quarantine_id": one["quarantine_id"], "record": sound_event(one["place"])}
            for one in waiting[first : first + PAGE]
        ]
        outcome = asked(client, "POST", "quarantine/replay", json={"replacements": replacements})
        assert (outcome["loaded"], outcome["first_rejections"]) == (len(replacements), [])


def totals(client: httpx2.Client) -> tuple[int, ...]:
    """The numbers of events received, loaded, there already, and in quarantine."""
    books = asked(client, "GET", "accounting")
    assert books["balanced"], books["differences"]
    return tuple(books["by_data_type"]["events"].values())


def asked(client: httpx2.Client, method: str, path: str, **options: Any) -> dict[str, Any]:
    answer = client.request(method, f"{TENANT}/{path}", timeout=120, **options)
    assert answer.is_success, answer.text
    return answer.json()
