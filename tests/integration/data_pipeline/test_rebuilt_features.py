"""The features can be made anew from what is stored, and compared with what that gives."""

import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import anyio
import pytest
from redis import Redis
from tests.redis_server import RedisServer

from backends.embedded.feature_reader import SqliteFeatureReader
from backends.ports import PortUnavailable
from data_pipeline import rebuild_features

pytestmark = pytest.mark.anyio

TENANT = "/v1/tenants/acme"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, settings) -> None:
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("SERVICE_TOKEN", settings.token())


async def fill(client, event) -> None:
    events = [event(f"e{n}", user_id=f"u{n % 3}", item_id=f"i{n % 5}") for n in range(30)]
    await client.post(f"{TENANT}/events", json={"events": events})
    await client.put(f"{TENANT}/users/u1", json={"attributes": {"age": 30}})
    await client.put(f"{TENANT}/items/i1", json={"title": "T"})
    await client.put(f"{TENANT}/event-types/view", json={"weight": 2})
    await client.delete(f"{TENANT}/events/e3")


async def run(*arguments: str) -> int:
    """Run the command; its exit status."""

    def command() -> int:
        try:
            rebuild_features.main(arguments)
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    # It has an event loop of its own.
    return await anyio.to_thread.run_sync(command)


async def test_rebuilt_features_take_the_place_of_lost_ones_and_readers_go_on(
    serve, settings, event, capsys
) -> None:
    async with serve() as client:
        await fill(client, event)
    reader = SqliteFeatureReader(settings.features(), iter(range(100)).__next__)
    before = await reader.user("acme", "u1")
    assert (len(before.events), before.attributes) == (10, {"age": 30})
    assert await run("--check") == 0
    with closing(sqlite3.connect(settings.features())) as connection:
        connection.execute("DELETE FROM users")
        connection.commit()
    assert await run("--check") == 1
    assert "different: users acme/u1" in capsys.readouterr().err
    assert (await reader.user("acme", "u1")).events == ()
    assert await run() == 0
    assert await reader.user("acme", "u1") == before
    assert await run("--check") == 0
    await reader.close()
    async with serve() as client:
        await client.post(f"{TENANT}/events", json={"events": [event("new")]})
        history = await client.get(f"{TENANT}/users/u1/history")
        assert len(history.json()["events"]) == 11
    assert await run("--check") == 0
    assert [path.name for path in settings.features().parent.glob("*.made*")] == []


async def test_features_of_another_format_are_made_anew_at_the_start(
    serve, settings, event, capsys
) -> None:
    async with serve() as client:
        await fill(client, event)
    reader = SqliteFeatureReader(settings.features(), iter(range(100)).__next__)
    before = await reader.user("acme", "u1")
    outdate(settings.features())
    await reader.close()
    reader = SqliteFeatureReader(settings.features(), iter(range(100)).__next__)
    for ask in (reader.ping(), reader.user("acme", "u1")):
        with pytest.raises(PortUnavailable, match="data-pipeline makes them anew"):
            await ask
    async with serve() as client:
        assert "made anew" in capsys.readouterr().out
        assert await reader.user("acme", "u1") == before
        assert (await client.get("/health/ready")).status_code == 200
    await reader.close()
    assert await run("--check") == 0


def outdate(path: Path) -> None:
    """As from before formats had numbers, with content that nobody can read now."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=0")
        connection.execute("UPDATE users SET events = x'ff'")
        connection.commit()


@pytest.mark.parametrize("arguments", [[], ["--check"]], ids=["rebuild", "check"])
async def test_it_is_refused_while_the_service_runs(serve, event, arguments, capsys) -> None:
    async with serve() as client:
        await fill(client, event)
        assert await run(*arguments) == 2
        assert "stop data-pipeline" in capsys.readouterr().err
        history = await client.get(f"{TENANT}/users/u1/history")
        assert len(history.json()["events"]) == 10


async def test_features_that_are_not_there_cannot_be_compared(settings, capsys) -> None:
    assert await run("--check") == 2
    assert "no feature store" in capsys.readouterr().err


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory, monkeypatch) -> Generator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start_at_once()
    monkeypatch.setenv("REDIS_URL", server.url)
    yield server
    server.kill()


async def filled_history(client) -> dict:
    with anyio.fail_after(30):
        while (answer := await client.get(f"{TENANT}/users/u1/history")).status_code == 503:
            await anyio.sleep(0.02)
    return answer.json()


async def test_features_in_redis_are_compared_and_made_anew_while_the_service_runs(
    serve, settings, event, capsys, redis
) -> None:
    assert await run("--check") == 2
    assert "no feature store in Redis" in capsys.readouterr().err
    async with serve(redis_url=redis.url) as client:
        await fill(client, event)
        before = await filled_history(client)
        assert len(before["events"]) == 10
        assert await run("--check") == 0
        with Redis.from_url(redis.url) as features:
            features.delete("features:history:acme:u1")
            features.hset("features:counts:acme", "wrong", b"0" * 8)
        assert await run("--check") == 1
        told = capsys.readouterr().err
        assert "different: history:acme:u1" in told
        assert "different: counts:acme" in told
        assert await run() == 0
        assert await filled_history(client) == before
        assert await run("--check") == 0
        with Redis.from_url(redis.url) as features:
            assert features.keys("features-made:*") == []
