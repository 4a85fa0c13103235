"""Authentication: what is looked up, and what is remembered for how long."""

import asyncio
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from backend_api.domain.access import Access
from backend_api.domain.errors import InvalidApiKey, MissingApiKey
from backend_api.domain.keys import KeyRecord, hash_key, key_id_of, new_api_key
from backend_api.services.authentication import UNKNOWN_SECONDS, Authenticator

pytestmark = pytest.mark.anyio
TTL = 30.0


class CountedDirectory:
    """An AccessDirectory in memory that counts how often it is asked."""

    def __init__(self) -> None:
        self.rows: dict[str, KeyRecord] = {}
        self.lookups = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def find(self, key_id: str) -> KeyRecord | None:
        self.lookups += 1
        found = self.rows.get(key_id)
        await self.answers.wait()
        return found

    async def ping(self) -> None: ...
    async def close(self) -> None: ...


class WatchedCache:
    """A Cache whose time stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = 1.0
        self.entries: dict[str, tuple[float, bytes]] = {}

    async def get(self, key: str) -> bytes | None:
        expires_at, value = self.entries.get(key, (self.now, b""))
        return value if expires_at > self.now else None

    async def set(self, key: str, value: bytes, ttl_seconds: float) -> None:
        self.entries[key] = (self.now + ttl_seconds, value)

    async def delete(self, key: str) -> None:
        self.entries.pop(key, None)

    async def ping(self) -> None: ...
    async def close(self) -> None: ...


class World:
    def __init__(self) -> None:
        self.keys, self.verified, self.unknown = CountedDirectory(), WatchedCache(), WatchedCache()
        self.began = datetime(2026, 1, 1, tzinfo=UTC)
        self.authenticator = Authenticator(
            self.keys,
            verified=self.verified,
            unknown=self.unknown,
            ttl_seconds=TTL,
            clock=self.now,
            elapsed=lambda: self.verified.now,
        )

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.verified.now)

    def issue(self, tenant_id: str | None, expires_in: float | None = None) -> str:
        key = new_api_key()
        key_id = key_id_of(key)
        assert key_id
        ends = None if expires_in is None else self.now().timestamp() + expires_in
        access = Access(key_id, tenant_id, frozenset({"read"}), ends, limits={"serving": (5, 9)})
        self.keys.rows[key_id] = KeyRecord(access, hash_key(key), revoked=False)
        return key

    def revoke(self, key: str) -> None:
        old = self.keys.rows[key.split("_")[1]]
        self.keys.rows[old.access.key_id] = KeyRecord(old.access, old.key_hash, revoked=True)

    def wait(self, seconds: float) -> None:
        self.verified.now += seconds
        self.unknown.now += seconds


@pytest.fixture
async def world() -> World:
    return World()


async def test_a_key_is_its_tenant(world: World) -> None:
    first, second = world.issue("acme"), world.issue(None)
    authenticate = world.authenticator.authenticate
    for key, tenant_id in ((first, "acme"), (second, None), (first, "acme")):
        access = await authenticate(key)
        assert (access.tenant_id, access.key_id) == (tenant_id, key.split("_")[1])


async def test_a_known_key_is_looked_up_once(world: World) -> None:
    key = world.issue("acme")
    for _ in range(5):
        await world.authenticator.authenticate(key)
    assert world.keys.lookups == 1


async def test_a_revoked_key_works_no_longer_than_the_cache_keeps_it(world: World) -> None:
    key = world.issue("acme")
    await world.authenticator.authenticate(key)
    world.revoke(key)
    world.wait(TTL - 0.1)
    await world.authenticator.authenticate(key)
    world.wait(0.1)
    with pytest.raises(InvalidApiKey):
        await world.authenticator.authenticate(key)


async def test_an_unknown_key_is_looked_up_once_in_a_while(world: World) -> None:
    key = new_api_key()
    for _ in range(5):
        with pytest.raises(InvalidApiKey):
            await world.authenticator.authenticate(key)
    assert world.keys.lookups == 1
    world.wait(UNKNOWN_SECONDS)
    with pytest.raises(InvalidApiKey):
        await world.authenticator.authenticate(key)
    assert world.keys.lookups == 2


async def test_a_known_id_with_another_secret_is_refused(world: World) -> None:
    key = world.issue("acme")
    forged = key[:-1] + ("a" if key[-1] != "a" else "b")
    with pytest.raises(InvalidApiKey):
        await world.authenticator.authenticate(forged)
    assert (await world.authenticator.authenticate(key)).tenant_id == "acme"


async def test_what_is_no_key_is_refused_without_a_lookup(world: World) -> None:
    with pytest.raises(InvalidApiKey):
        await world.authenticator.authenticate("password")
    with pytest.raises(MissingApiKey):
        await world.authenticator.authenticate(None)
    assert world.keys.lookups == 0


async def test_unknown_keys_take_no_room_from_known_ones(world: World) -> None:
    with pytest.raises(InvalidApiKey):
        await world.authenticator.authenticate(new_api_key())
    assert not world.verified.entries


async def test_caches_hold_neither_key_nor_secret(world: World) -> None:
    key = world.issue("acme")
    await world.authenticator.authenticate(key)
    secret = key.rpartition("_")[2]
    assert secret not in repr(world.verified.entries)
    assert list(world.verified.entries) == [hash_key(key)]


async def test_what_is_remembered_is_what_was_found(world: World) -> None:
    key = world.issue("acme", expires_in=100)
    found = await world.authenticator.authenticate(key)
    remembered = await world.authenticator.authenticate(key)
    assert world.keys.lookups == 1
    assert remembered == Access(
        found.key_id, "acme", found.scopes, found.expires_at, limits={"serving": [5, 9]}
    )


async def test_a_remembered_key_ends_when_it_expires(world: World) -> None:
    key = world.issue("acme", expires_in=10)
    await world.authenticator.authenticate(key)
    world.wait(9.9)
    await world.authenticator.authenticate(key)
    world.wait(0.1)
    with pytest.raises(InvalidApiKey):
        await world.authenticator.authenticate(key)


async def test_many_at_once_cost_one_lookup(world: World) -> None:
    key = world.issue("acme")
    world.keys.answers.clear()
    callers = [asyncio.create_task(world.authenticator.authenticate(key)) for _ in range(50)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await asyncio.sleep(0)
    world.keys.answers.set()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert world.keys.lookups == 1
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(answer, Access) for answer in answers[1:])


async def test_a_change_of_a_tenant_is_seen_at_once(world: World) -> None:
    acme, globex = world.issue("acme"), world.issue("globex")
    for key in (acme, globex):
        await world.authenticator.authenticate(key)
        world.revoke(key)
    world.wait(1)
    world.authenticator.forget("acme")
    await world.authenticator.authenticate(globex)
    with pytest.raises(InvalidApiKey):
        await world.authenticator.authenticate(acme)


async def test_a_change_of_a_plan_concerns_every_key(world: World) -> None:
    keys = [world.issue("acme"), world.issue("globex")]
    for _ in range(2):
        for key in keys:
            await world.authenticator.authenticate(key)
    world.wait(1)
    world.authenticator.forget_all()
    world.wait(1)
    for key in keys:
        await world.authenticator.authenticate(key)
    assert world.keys.lookups == 4


async def test_a_change_during_a_lookup_is_not_overlooked(world: World) -> None:
    key = world.issue("acme")
    world.keys.answers.clear()
    early = asyncio.create_task(world.authenticator.authenticate(key))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.revoke(key)
    world.authenticator.forget("acme")
    world.keys.answers.set()
    await early
    with pytest.raises(InvalidApiKey):
        await world.authenticator.authenticate(key)


async def test_hashes_are_compared_in_constant_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, compared = world.issue("acme"), list[tuple[str, str]]()

    def watched(one: str, other: str) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", watched)
    await world.authenticator.authenticate(key)
    assert compared == [(hash_key(key), hash_key(key))]
