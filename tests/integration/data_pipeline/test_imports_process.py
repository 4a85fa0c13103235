"""Imports in a real process: killed, cut off, and with a file far larger than its memory."""

import json
import operator
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from tests.integration.data_pipeline.real_server import TOKEN, server
from tests.integration.data_pipeline.stored_events import stored_event_ids
from tests.real_processes import wait_for

from backends.feature_values.histories import HISTORY_LENGTH

pytestmark = pytest.mark.slow

ROWS = 600_000
IMPORTS = "/v1/tenants/acme/imports"


HEADER = b"event_id,user_id,item_id,event_type,timestamp\n"


def events(rows: int) -> Iterator[bytes]:
    """Rows of CSV, a thousand at a time."""
    for start in range(0, rows, 1_000):
        lines = (
            f"e{n:09d},u{n % 997},i{n % 4_001},view,{1_600_000_000 + n}\n"
            for n in range(start, min(start + 1_000, rows))
        )
        yield "".join(lines).encode()


def wide_items(rows: int) -> Iterator[bytes]:
    """3 kB each, and few that are not the same: what is stored is not what this is about."""
    attributes = {f"text{n}": "x" * 500 for n in range(6)}
    for n in range(rows):
        yield json.dumps({"item_id": f"i{n % 100}", "attributes": attributes}).encode() + b"\n"


def upload(client: httpx2.Client, content: Iterator[bytes], **params: str) -> str:
    answer = client.post(IMPORTS, params=params, content=content, timeout=120)
    assert answer.status_code == 202, answer.text
    return answer.json()["import_id"]


def wait(
    client: httpx2.Client, import_id: str, until: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    return wait_for(lambda: client.get(f"{IMPORTS}/{import_id}").json(), until, 100)


def history(client: httpx2.Client, user_id: str) -> list[str]:
    """The items of a user's history, which follows the log of an import by seconds."""
    answer = client.get(f"/v1/tenants/acme/users/{user_id}/history").raise_for_status()
    return [one["item_id"] for one in answer.json()["events"]]


def test_an_import_survives_kill_9_at_several_places_and_counts_each_row_once(
    tmp_path: Path,
) -> None:
    def content() -> Iterator[bytes]:
        yield HEADER
        yield from events(ROWS)
        yield from events(500)
        yield b"bad,,,,\n" * 30

    import_id, killed_at = "", []
    for share in (0.01, 0.6):
        with server(tmp_path) as (process, client):
            import_id = import_id or upload(client, content(), data_type="events", format="csv")
            job = wait(client, import_id, lambda job, share=share: job["progress"] >= share)
            killed_at.append(job["rows"])
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert 0 < killed_at[0] < killed_at[-1] < ROWS
    with server(tmp_path) as (_, client):
        job = wait(client, import_id, lambda job: job["status"] not in ("queued", "running"))
        assert (job["status"], job["error"]) == ("completed", None)
        assert (job["rows"], job["accepted"]) == (ROWS + 530, ROWS)
        assert (job["duplicates"], job["rejected"]) == (500, 30)
        assert [one["index"] for one in job["first_rejections"]] == list(
            range(ROWS + 500, ROWS + 520)
        )
        assert stored_event_ids(tmp_path) == [f"e{n:09d}" for n in range(ROWS)]
        newest = [f"i{n % 4_001}" for n in range(1, ROWS, 997)][-HISTORY_LENGTH:]
        wait_for(lambda: history(client, "u1"), lambda item_ids: item_ids == newest)
    assert list((tmp_path / "data-pipeline" / "imports" / "open").iterdir()) == []
    assert list((tmp_path / "objects" / "imports").iterdir()) == []


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data-pipeline" / "imports" / "arriving"
    with server(tmp_path) as (_, client):
        with socket.create_connection((client.base_url.host, client.base_url.port)) as connection:
            head = (
                f"POST {IMPORTS}?data_type=events&format=jsonl HTTP/1.1\r\nhost: x\r\n"
                f"authorization: Bearer {TOKEN}\r\ncontent-length: 9000000\r\n\r\n"
            )
            connection.sendall(head.encode() + b"x" * 3_000_000)
            wait_for(lambda: list(folder.iterdir()), bool)
        wait_for(lambda: list(folder.iterdir()), operator.not_, 60)
        assert client.get(IMPORTS).json()["data"] == []


def test_a_large_file_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    with server(tmp_path) as (process, client):
        memory = psutil.Process(process.pid).memory_info
        peaks: list[int] = []

        def sampled(job: dict[str, Any]) -> bool:
            peaks.append(memory().rss)
            return job["status"] not in ("queued", "running")

        highest = []
        # The first ones warm what every import uses, such as the pools of the allocator's threads.
        for rows in (12_000, 12_000, 12_000, 12_000, 36_000):
            peaks.clear()
            import_id = upload(client, wide_items(rows), data_type="items", format="jsonl")
            job = wait(client, import_id, sampled)
            assert (job["status"], job["rows"]) == ("completed", rows), job["error"]
            assert job["accepted"] + job["duplicates"] == rows
            highest.append(max(peaks))
        assert job["bytes"] > 100_000_000
    assert highest[-1] - highest[-2] < 40_000_000, highest
