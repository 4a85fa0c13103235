"""Authentication: what is looked up, and what is remembered for how long."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from backend_api.domain.errors import InvalidApiKey, MissingApiKey
from backend_api.domain.keys import ApiKey, Principal, hash_key, key_id_of, new_api_key
from backend_api.services.authentication import UNKNOWN_SECONDS, Authenticator

pytestmark = pytest.mark.anyio
TTL = 30.0


class CountedKeys:
    """An ApiKeyStore in memory that counts how often it is asked."""

    def __init__(self) -> None:
        self.rows: dict[str, ApiKey] = {}
        self.lookups = 0

    async def add(self, key: ApiKey) -> None:
        self.rows[key.key_id] = key

    async def find(self, key_id: str) -> ApiKey | None:
        self.lookups += 1
        return self.rows.get(key_id)

    async def of_tenant(self, tenant_id: str) -> Sequence[ApiKey]:
        return [key for key in self.rows.values() if key.tenant_id == tenant_id]

    async def revoke(self, key_id: str, at: datetime) -> None:
        old = self.rows[key_id]
        self.rows[key_id] = ApiKey(key_id, old.tenant_id, old.key_hash, old.created_at, at)

    async def ping(self) -> None: ...
    async def close(self) -> None: ...


class WatchedCache:
    """A Cache whose time stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = 0.0
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
        self.keys, self.verified, self.unknown = CountedKeys(), WatchedCache(), WatchedCache()
        self.authenticator = Authenticator(
            self.keys, verified=self.verified, unknown=self.unknown, ttl_seconds=TTL
        )

    async def issue(self, tenant_id: str) -> str:
        key = new_api_key()
        key_id = key_id_of(key)
        assert key_id
        await self.keys.add(ApiKey(key_id, tenant_id, hash_key(key), datetime.now(UTC)))
        return key

    def wait(self, seconds: float) -> None:
        self.verified.now += seconds
        self.unknown.now += seconds


@pytest.fixture
def world() -> World:
    return World()


async def test_a_key_is_its_tenant(world: World) -> None:
    first, second = await world.issue("acme"), await world.issue("globex")
    authenticate = world.authenticator.authenticate
    assert await authenticate(first) == Principal("acme", first.split("_")[1])
    assert await authenticate(second) == Principal("globex", second.split("_")[1])
    assert await authenticate(first) == Principal("acme", first.split("_")[1])


async def test_a_known_key_is_looked_up_once(world: World) -> None:
    key = await world.issue("acme")
    for _ in range(5):
        await world.authenticator.authenticate(key)
    assert world.keys.lookups == 1


async def test_a_revoked_key_works_no_longer_than_the_cache_keeps_it(world: World) -> None:
    key = await world.issue("acme")
    await world.authenticator.authenticate(key)
    await world.keys.revoke(key.split("_")[1], datetime.now(UTC))
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
    key = await world.issue("acme")
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
    key = await world.issue("acme")
    await world.authenticator.authenticate(key)
    secret = key.rpartition("_")[2]
    assert secret not in repr(world.verified.entries)
    assert list(world.verified.entries) == [hash_key(key)]
