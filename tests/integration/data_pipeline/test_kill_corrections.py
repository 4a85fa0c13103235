"""kill -9 in the midst of deletions, merges and erasures: the features end as the log has it."""

import signal
import sqlite3
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import anyio
import httpx2
import pytest
from tests.integration.data_pipeline.real_server import server

from backends.database import open_engine
from backends.embedded.feature_file import differences
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.feature_values.histories import HISTORY_LENGTH
from backends.object_store import UrlObjectStore
from data_pipeline.adapters.catalogue_log import SqlCatalogueLog
from data_pipeline.adapters.corrections import SqlCorrections
from data_pipeline.adapters.event_log import SqlEventLog
from data_pipeline.adapters.seen_ids import SeenIdsStore
from data_pipeline.adapters.user_log import SqlUserLog
from data_pipeline.load.projection import FeatureProjection

pytestmark = pytest.mark.slow

TENANT = "/v1/tenants/acme"
USERS = 8


def send_events(client: httpx2.Client, batch: int) -> None:
    events = [
        {
            "event_id": f"{batch}-{n}",
            "user_id": f"{'anon' if n % 3 == 0 else 'u'}{n % USERS}",
            "item_id": f"i{n % 5}",
            "event_type": "impression" if n % 7 == 0 else "view",
            "timestamp": 1_600_000_000 + batch,
        }
        for n in range(60)
    ]
    assert client.post(f"{TENANT}/events", json={"events": events}).status_code == 200


def change(client: httpx2.Client, round_: int) -> None:
    """A bit of everything that must correct features."""
    user = round_ % USERS
    client.delete(f"{TENANT}/events/{round_ % 20}-{round_ % 60}")
    client.post(f"{TENANT}/users/u{user}/merge", json={"from_user_id": f"anon{user}"})
    client.put(f"{TENANT}/event-types/impression", json={"weight": round_ % 2})
    if round_ % 5 == 0:
        client.delete(f"{TENANT}/users/u{user}")


def until_killed(client: httpx2.Client, work: Any, done: list[int], enough: Event) -> None:
    try:
        for n in count():
            work(client, n)
            done.append(n)
            if len(done) >= 10:
                enough.set()
    except httpx2.TransportError:
        enough.set()


def events_counted(path: Path) -> int:
    connection = sqlite3.connect(path)
    (events,) = connection.execute("SELECT sum(events) FROM item_counts").fetchone()
    connection.close()
    return events


async def made_again(data_dir: Path) -> Path:
    path = data_dir / "made-again.db"
    engine = open_engine(f"sqlite+aiosqlite:///{data_dir / 'data-pipeline/data-pipeline.db'}", 2)
    objects = UrlObjectStore(f"file://{data_dir / 'objects'}")
    seen = SeenIdsStore(data_dir / "seen-ids-of-the-test", 30)
    writer = SqliteFeatureWriter(path)
    await FeatureProjection(
        SqlEventLog(engine, objects, seen),
        SqlCatalogueLog(engine),
        SqlUserLog(engine),
        SqlCorrections(engine, objects, HISTORY_LENGTH),
        writer,
        lambda: 1,
    ).fill()
    await writer.close()
    await engine.dispose()
    seen.close()
    return path


@pytest.mark.parametrize("wanted", [10, 13])
def test_features_equal_what_the_log_gives_after_kill_9(tmp_path: Path, wanted: int) -> None:
    with server(tmp_path) as (process, client):
        for batch in range(3):
            send_events(client, batch)
        enough, changes, sent = Event(), list[int](), list[int]()
        changer = Thread(target=until_killed, args=(client, change, changes, enough))
        sender = Thread(
            target=until_killed,
            args=(client, lambda c, n: send_events(c, n + 3), sent, Event()),
        )
        changer.start()
        sender.start()
        assert enough.wait(60)
        while len(changes) < wanted and changer.is_alive():
            changer.join(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        changer.join()
        sender.join()
    assert len(changes) >= wanted
    with server(tmp_path):
        # Ready means caught up.
        pass
    lived = tmp_path / "features" / "features.db"
    assert events_counted(lived) > 100
    assert list(differences(lived, anyio.run(made_again, tmp_path))) == []
    log = sqlite3.connect(tmp_path / "data-pipeline" / "data-pipeline.db")
    assert log.execute("SELECT count(*) FROM corrections").fetchone() == (0,)
    log.close()
