"""kill -9 at random moments of imports: each row is taken in once, whatever is begun again."""

import json
import sqlite3
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

import httpx2
import pytest
from tests.integration.data_pipeline.kill_series import KillSeries
from tests.integration.data_pipeline.killed_pipeline import KilledPipeline
from tests.integration.data_pipeline.taken_in import (
    Expected,
    check_at_rest,
    check_taken_in,
    merged_and_indexed,
    merged_chunks,
    pages,
    wait_for_features,
)
from tests.real_processes import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

WINDOW_SECONDS = 2.5
ROWS = 200_000
NEW_ROWS = 100_000
"""So many rows of a further file are not those of the files before: each chunk is an object."""

USERS = 997

AT_ONCE = 2
"""How many imports are unfinished at a time at most."""

IMPORTS = "/v1/tenants/acme/imports"
COLUMNS = b"event_id,user_id,item_id,event_type,timestamp,note"
NOTE = b"n" * 440
"""Makes a chunk of as many bytes as it may have from a third of the file's rows."""

FAULTS = (
    b",u1,i1,view,1700000000,no id",
    b"x1,u1,i1,view,someday," + NOTE,
    b"x2,u1,i1,view,1700000000",
    b"x3,u1,i\xff,view,1700000000,",
)


@dataclass(frozen=True, slots=True)
class EventFile:
    """A file, the ids of its sound rows, and where the others stand. No two are of one size."""

    path: Path
    size: int
    rows: int
    event_ids: frozenset[str]
    faulty: Sequence[int]


def make_file(path: Path, random: Random, number: int) -> EventFile:
    """The file with this number: the rows of those before it, in another order, and new ones."""
    total = ROWS + number * NEW_ROWS
    old = random.sample(range(total - NEW_ROWS), k=ROWS - NEW_ROWS)
    numbers = [*range(total - NEW_ROWS, total), *old]
    random.shuffle(numbers)
    numbers += random.choices(numbers, k=ROWS // 20)
    lines = [
        b"e%d,u%d,i%d,view,%d,%b" % (n, n % USERS, n % 4_001, 1_600_000_000 + n, NOTE)
        for n in numbers
    ]
    faulty = sorted(random.sample(range(len(lines)), k=100))
    for place in faulty:
        lines.insert(place, random.choice(FAULTS))
    # Empty lines are no rows: they tell the files apart.
    content = b"\n".join([COLUMNS, *lines]) + b"\n" * (number + 1)
    path.write_bytes(content)
    event_ids = frozenset(f"e{n}" for n in numbers)
    return EventFile(path, len(content), len(lines), event_ids, faulty)


class Uploader:
    """Uploads one file after the other, each until it is acknowledged; then makes another one.

    An upload that was acknowledged in vain, as the answer was lost, is sent again.
    """

    def __init__(self, client: httpx2.Client, folder: Path, random: Random) -> None:
        self.files: list[EventFile] = []
        self.finished = Event()
        self._client = client
        self._folder = folder
        self._random = random

    def upload(self) -> None:
        while not self.finished.is_set():
            path = self._folder / f"{len(self.files)}.csv"
            file = make_file(path, self._random, len(self.files))
            self.files.append(file)
            while not self._sent(file):
                if self.finished.wait(0.02):
                    return
            path.unlink()

    def _sent(self, file: EventFile) -> bool:
        mapping = json.dumps({"note": None})
        params = {"data_type": "events", "format": "csv", "mapping": mapping}
        try:
            waiting = [one for one in jobs(self._client) if one["status"] in ("queued", "running")]
            if len(waiting) >= AT_ONCE:
                return False
            with file.path.open("rb") as content:
                answer = self._client.post(IMPORTS, params=params, content=content)
        except httpx2.TransportError:
            return False
        assert answer.status_code == 202, answer.text
        return True


def jobs(client: httpx2.Client) -> Sequence[Mapping[str, Any]]:
    """All imports, oldest first."""
    return list(pages(client, IMPORTS))[::-1]


def often_begun(pipeline: KilledPipeline) -> bool:
    """Whether an import has been opened at one place so often that it may fail at the next stop."""
    path = pipeline.data_dir / "data-pipeline" / "data-pipeline.db"
    if not path.exists():
        return False
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT max(beginnings) FROM imports WHERE status IN ('queued', 'running')"
        (beginnings,) = connection.execute(query).fetchone()
    return (beginnings or 0) > 1


def expected_of(files: Sequence[EventFile], taken: Sequence[Mapping[str, Any]]) -> Expected:
    """What must be there of the imports that were taken."""
    by_size = {file.size: file for file in files}
    received, event_ids, quarantined = 0, set[str](), Counter[tuple[str, int]]()
    for job in taken:
        file = by_size[job["bytes"]]
        assert (job["status"], job["rows"]) == ("completed", file.rows), job["error"]
        assert job["rejected"] == len(file.faulty)
        assert job["accepted"] + job["duplicates"] + job["rejected"] == job["rows"]
        received += file.rows
        event_ids |= file.event_ids
        quarantined.update((job["import_id"], place) for place in file.faulty)
    return Expected(received, event_ids, quarantined)


@pytest.fixture
def pipeline(tmp_path: Path) -> Generator[KilledPipeline]:
    pipeline = KilledPipeline(tmp_path)
    yield pipeline
    pipeline.close()


def test_rows_are_there_once_whenever_the_service_is_killed(
    pipeline: KilledPipeline, tmp_path: Path
) -> None:
    series = KillSeries("file", pipeline)
    client = pipeline.client()
    uploader = Uploader(client, tmp_path, Random(series.random.random()))
    thread = Thread(target=uploader.upload)
    thread.start()
    series.run(WINDOW_SECONDS, held=lambda: often_begun(pipeline))
    series.start()
    # A slow machine has taken in too few files until here.
    wait_for(lambda: merged_chunks(pipeline), bool, patience_seconds=300, pause_seconds=0.5)
    uploader.finished.set()
    thread.join()
    taken = wait_for(lambda: jobs(client), lambda found: all(job["finished_at"] for job in found))
    series.kill()
    with pipeline.running():
        expected = expected_of(uploader.files, taken)
        wait_for_features(client)
        duplicates = check_taken_in(client, "acme", expected, [f"u{n}" for n in range(USERS)])
        assert sum(job["accepted"] for job in taken) == len(expected.event_ids)
    client.close()
    check_at_rest(pipeline)
    series.report(
        imports=len(taken),
        rows=expected.received,
        loaded=len(expected.event_ids),
        duplicates=duplicates,
        quarantined=expected.quarantined.total(),
        **merged_and_indexed(pipeline),
    )
