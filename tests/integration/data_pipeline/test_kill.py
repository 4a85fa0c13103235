"""kill -9 of a real server in mid-ingest: every acknowledged event is there, once."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import httpx2

BATCH = 200
BATCHES = 60
TOKEN = "a-token-for-the-tests"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(data_dir: Path) -> Generator[tuple[subprocess.Popen[bytes], httpx2.Client]]:
    port = free_port()
    environment = {
        **os.environ,
        "DATA_DIR": str(data_dir),
        "PORT": str(port),
        "SERVICE_TOKEN": TOKEN,
        "LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen([sys.executable, "-m", "data_pipeline.main"], env=environment)
    client = httpx2.Client(
        base_url=f"http://127.0.0.1:{port}",
        headers={"authorization": f"Bearer {TOKEN}"},
        timeout=30,
        trust_env=False,
    )
    try:
        wait_until_ready(process, client)
        yield process, client
    finally:
        client.close()
        process.kill()
        process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], client: httpx2.Client) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended"
        try:
            if client.get("/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)  # between attempts to connect there is nothing to wait for
    raise AssertionError("the server did not become ready")


def body(batch: int) -> bytes:
    events = [
        {
            "event_id": f"{batch}-{n}",
            "user_id": f"u{n % 5}",
            "item_id": f"i{batch}-{n}",
            "event_type": "view",
            "timestamp": 1_600_000_000 + batch * BATCH + n,
        }
        for n in range(BATCH)
    ]
    return json.dumps({"events": events}).encode()


def ingest(client: httpx2.Client, acknowledged: set[int]) -> None:
    """Send the batches that are not acknowledged yet, until all are or the server is gone."""
    try:
        for batch in sorted(set(range(BATCHES)) - acknowledged):
            answer = client.post("/v1/tenants/acme/events", content=body(batch))
            assert answer.status_code == 200, answer.text
            acknowledged.add(batch)
    except httpx2.TransportError:
        return


def stored(data_dir: Path) -> list[str]:
    connection = sqlite3.connect(data_dir / "data-pipeline" / "data-pipeline.db")
    try:
        return [row[0] for row in connection.execute("SELECT event_id FROM events")]
    finally:
        connection.close()


def ids(batches: set[int]) -> set[str]:
    return {f"{batch}-{n}" for batch in batches for n in range(BATCH)}


def test_acknowledged_events_survive_kill_9_and_retries_double_none(tmp_path: Path) -> None:
    acknowledged: set[int] = set()
    with server(tmp_path) as (process, client):
        sender = Thread(target=ingest, args=(client, acknowledged))
        sender.start()
        while len(acknowledged) < BATCHES // 4 and sender.is_alive():
            sender.join(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        sender.join()
    assert BATCHES // 4 <= len(acknowledged) < BATCHES
    assert ids(acknowledged) <= set(stored(tmp_path))
    with server(tmp_path) as (_, client):
        ingest(client, acknowledged)
        assert len(acknowledged) == BATCHES
        assert sorted(stored(tmp_path)) == sorted(ids(acknowledged))
        for user in range(5):
            answer = client.get(f"/v1/tenants/acme/users/u{user}/history").json()
            of_user = [f"i{b}-{n}" for b in range(BATCHES) for n in range(user, BATCH, 5)]
            assert [event["item_id"] for event in answer["events"]] == of_user[-200:]
