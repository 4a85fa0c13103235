"""Erasure: nothing of the person is left, in no answer and in no byte of a file."""

import random
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pyarrow.parquet as pq
import pytest

from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.ports import PortUnavailable
from data_pipeline.adapters import chunk_rewriting, event_log

pytestmark = pytest.mark.anyio

TENANT = "/v1/tenants/acme"
USERS = f"{TENANT}/users"
PLACES = [
    "event log",
    "user profiles",
    "merged ids",
    "quarantine",
    "feature store",
    "training snapshots",
]


def places(answer: httpx2.Response) -> dict[str, tuple[int, int]]:
    assert answer.status_code == 200, answer.text
    return {one["place"]: (one["removed"], one["remaining"]) for one in answer.json()["places"]}


def files_with(folder: Path, *words: bytes) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) >= 2
    return [path.name for path in files if any(word in content_of(path) for word in words)]


def content_of(path: Path) -> bytes:
    """The bytes of a file, those of a Parquet file unpacked."""
    if path.suffix != ".parquet":
        return path.read_bytes()
    return str(pq.read_table(path).to_pydict()).encode()


async def send(client: httpx2.AsyncClient, events: list[dict[str, Any]]) -> None:
    answer = await client.post(f"{TENANT}/events", json={"events": events})
    assert answer.json()["accepted"] == len(events), answer.text


async def test_an_erased_user_is_gone_from_every_place(client, event) -> None:
    await send(client, [event(f"e{n}", user_id="gone", item_id=f"i{n}") for n in range(3)])
    await send(client, [event("s", user_id="anon"), event("stays", user_id="stays")])
    await client.put(f"{USERS}/gone", json={"attributes": {"x": 1}})
    before = (await client.post(f"{TENANT}/snapshots")).json()["snapshot_id"]
    await client.post(f"{USERS}/gone/merge", json={"from_user_id": "anon"})
    answer = await client.delete(f"{USERS}/gone")
    assert answer.json()["user_id"] == "gone"
    assert list(places(answer)) == PLACES
    assert places(answer) == {
        "event log": (4, 0),
        "user profiles": (1, 0),
        "merged ids": (1, 0),
        "quarantine": (0, 0),
        "feature store": (5, 0),
        "training snapshots": (1, 0),
    }
    for user in ("gone", "anon"):
        assert (await client.get(f"{USERS}/{user}")).status_code == 404
        assert (await client.get(f"{USERS}/{user}/history")).json()["events"] == []
    assert (await client.get(f"{TENANT}/snapshots/{before}")).status_code == 404
    assert len((await client.get(f"{USERS}/stays/history")).json()["events"]) == 1
    assert places(await client.delete(f"{USERS}/gone")) == dict.fromkeys(PLACES, (0, 0))


async def test_an_unknown_user_is_erased_without_a_fault(client) -> None:
    erased = await client.delete(f"{USERS}/never%2Fseen")
    assert places(erased) == dict.fromkeys(PLACES, (0, 0))


async def test_a_merged_id_names_its_person_and_is_free_afterwards(client, event) -> None:
    await send(client, [event("1", user_id="u")])
    await client.post(f"{USERS}/u/merge", json={"from_user_id": "anon"})
    assert places(await client.delete(f"{USERS}/anon"))["event log"] == (1, 0)
    await send(client, [event("2", user_id="anon")])
    assert (await client.get(f"{USERS}/u")).status_code == 404
    assert (await client.get(f"{USERS}/anon")).json()["user_id"] == "anon"


async def test_snapshots_without_the_user_and_other_tenants_stay(client, event) -> None:
    await send(client, [event("1", user_id="early")])
    without = (await client.post(f"{TENANT}/snapshots")).json()["snapshot_id"]
    await send(client, [event("2", user_id="gone")])
    await client.post(f"{TENANT}/snapshots")
    other = "/v1/tenants/other"
    await client.post(f"{other}/events", json={"events": [event("1", user_id="gone")]})
    await client.put(f"{other}/users/gone", json={})
    kept = (await client.post(f"{other}/snapshots")).json()["snapshot_id"]
    assert places(await client.delete(f"{USERS}/gone"))["training snapshots"] == (1, 0)
    assert (await client.get(f"{TENANT}/snapshots/{without}")).status_code == 200
    assert (await client.get(f"{other}/snapshots/{kept}")).status_code == 200
    assert (await client.get(f"{other}/users/gone")).status_code == 200
    assert len((await client.get(f"{other}/users/gone/history")).json()["events"]) == 1


async def test_a_snapshot_that_cannot_be_read_goes_as_well(client, event, settings) -> None:
    await send(client, [event("1", user_id="other")])
    made = (await client.post(f"{TENANT}/snapshots")).json()["snapshot_id"]
    folder = settings.data_dir / "objects" / "snapshots" / "acme" / made
    (folder / "events.parquet").write_bytes(b"no parquet")
    (folder / "manifest.json").unlink()
    assert places(await client.delete(f"{USERS}/gone"))["training snapshots"] == (1, 0)
    assert list(folder.rglob("*")) == []


# With seed 2 and secure_delete alone, a copy of the id stayed behind in a page of an index.
@pytest.mark.parametrize(
    ("seed", "inline_rows"), [(0, 20_000), (1, 20_000), (2, 20_000), (3, 20_000), (4, 250)]
)
async def test_no_byte_of_an_erased_user_is_in_any_file(
    monkeypatch, serve, settings, event, seed, inline_rows
) -> None:
    for module in (event_log, chunk_rewriting):
        monkeypatch.setattr(module, "INLINE_ROWS", inline_rows)
    rnd = random.Random(seed)
    words = (b"secret-user", b"secret-session", b"secret-mail")
    async with serve() as client:
        for batch in range(6):
            events: list[dict[str, Any]] = []
            for n in range(300):
                secret = rnd.random() < 0.08
                user = rnd.choice(["secret-user", "secret-session"]) if secret else ""
                events.append(
                    event(
                        f"{batch}-{n}-{rnd.random()}",
                        user_id=user or f"user-{rnd.randrange(400)}",
                        item_id=f"item-{rnd.randrange(200)}",
                        timestamp=1_700_000_000 + rnd.randrange(1_000),
                    )
                )
            await send(client, events)
            profile = {"attributes": {"mail": f"secret-mail-{batch}" + "x" * rnd.randrange(400)}}
            await client.put(f"{USERS}/secret-user", json=profile)
            await client.put(f"{USERS}/user-{batch}", json={"attributes": {"mail": "m" * 300}})
        await client.post(f"{TENANT}/snapshots")
        await client.post(f"{USERS}/secret-user/merge", json={"from_user_id": "secret-session"})
        await client.put(f"{TENANT}/event-types/view", json={"weight": 0})
        await client.put(f"{TENANT}/event-types/view", json={"weight": 1})
        await client.delete(f"{TENANT}/events/{events[0]['event_id']}")
        assert files_with(settings.data_dir, *words[:2]) != []
        erased = places(await client.delete(f"{USERS}/secret-user"))
        assert erased["event log"][0] > 50
        assert {remaining for _, remaining in erased.values()} == {0}
        assert files_with(settings.data_dir, *words) == []
    assert files_with(settings.data_dir, *words) == []


class FailingWriter(SqliteFeatureWriter):
    """A feature store that takes no corrections while `failing` is set."""

    failing = False

    async def correct(self, corrections, position) -> None:
        if type(self).failing:
            raise PortUnavailable("the feature store cannot be written: disk is full")
        await super().correct(corrections, position)


async def test_an_erasure_answers_only_when_the_features_have_followed(
    monkeypatch, serve, settings, event
) -> None:
    monkeypatch.setattr("data_pipeline.bootstrap.features.SqliteFeatureWriter", FailingWriter)
    async with serve() as client:
        await send(client, [event("1", user_id="secret-user")])
        monkeypatch.setattr(FailingWriter, "failing", True)
        answer = await client.delete(f"{USERS}/secret-user")
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        metrics = (await client.get("/metrics")).text
        assert 'etl_job_failures_total{job_name="erasure"' in metrics
        monkeypatch.setattr(FailingWriter, "failing", False)
        with anyio.fail_after(30):
            while (await client.get("/health/ready")).status_code != 200:
                await anyio.sleep(0.01)
        assert {
            left for _, left in places(await client.delete(f"{USERS}/secret-user")).values()
        } == {0}
        assert files_with(settings.data_dir, b"secret-user") == []


async def test_an_erasure_is_logged_without_the_user(capsys, serve, event) -> None:
    async with serve() as client:
        await send(client, [event("1", user_id="secret-user")])
        await client.post(f"{USERS}/secret-user/merge", json={"from_user_id": "secret-session"})
        await client.delete(f"{USERS}/secret-user")
        metrics = (await client.get("/metrics")).text
    output = capsys.readouterr().out
    assert "erased a user" in output
    assert "merged a session into a user" in output
    # The access log has the path.
    lines = [line for line in output.splitlines() if '"logger":"access"' not in line]
    assert not [line for line in lines if "secret-" in line]
    assert 'etl_records_processed_total{job_name="erasure",source="event_log"} 1.0' in metrics
    assert "secret-" not in metrics
