"""kill -9 of a real server in mid-ingest: every acknowledged event is there, once."""

import json
import signal
from pathlib import Path
from threading import Thread

import httpx2
import pytest
from tests.integration.data_pipeline.real_server import server
from tests.integration.data_pipeline.stored_events import stored_event_ids

from backends.feature_values.histories import HISTORY_LENGTH

pytestmark = pytest.mark.slow

BATCH = 200
BATCHES = 60


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
    assert ids(acknowledged) <= set(stored_event_ids(tmp_path))
    with server(tmp_path) as (_, client):
        ingest(client, acknowledged)
        assert len(acknowledged) == BATCHES
        assert stored_event_ids(tmp_path) == sorted(ids(acknowledged))
        for user in range(5):
            answer = client.get(f"/v1/tenants/acme/users/u{user}/history").json()
            of_user = [f"i{b}-{n}" for b in range(BATCHES) for n in range(user, BATCH, 5)]
            assert [event["item_id"] for event in answer["events"]] == of_user[-HISTORY_LENGTH:]
