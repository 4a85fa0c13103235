"""Who is asking: from a key to its access, without SQL while the key is known."""

import asyncio
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import orjson

from backend_api.domain.access import Access, Clock, utc_now
from backend_api.domain.access_ports import AccessDirectory
from backend_api.domain.errors import InvalidApiKey, MissingApiKey
from backend_api.domain.keys import hash_key, key_id_of
from backends.ports import Cache

UNKNOWN_SECONDS: Final = 5.0
"""How long an unknown key is refused without asking the store again."""


class Authenticator:
    """Verifies keys. What was changed elsewhere is seen after at most `ttl_seconds`.

    `verified` and `unknown` are caches apart, so that made-up keys push out no real one.
    """

    def __init__(
        self,
        directory: AccessDirectory,
        *,
        verified: Cache,
        unknown: Cache,
        ttl_seconds: float,
        clock: Clock = utc_now,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._verified = verified
        self._unknown = unknown
        self._ttl_seconds = ttl_seconds
        self._clock = clock
        self._elapsed = elapsed
        self._lookups: dict[str, asyncio.Task[Access]] = {}
        self._stale_before = 0.0
        self._tenant_stale_before: dict[str | None, float] = {}

    async def authenticate(self, key: str | None) -> Access:
        """What the key may do.

        Raises:
            MissingApiKey: there is no key.
            InvalidApiKey: it is malformed, unknown, revoked or expired.
        """
        if key is None:
            raise MissingApiKey
        key_id = key_id_of(key)
        if key_id is None:
            raise InvalidApiKey
        digest = hash_key(key)
        access = await self._remembered(digest)
        if access is None:
            if await self._unknown.get(digest) is not None:
                raise InvalidApiKey
            access = await self._look_up_once(key_id, digest)
        if access.expires_at is not None and access.expires_at <= self._clock().timestamp():
            raise InvalidApiKey
        return access

    def forget(self, tenant_id: str | None) -> None:
        """Ask the store again for each key of a tenant, or of the operator where it is None."""
        self._tenant_stale_before[tenant_id] = self._elapsed()
        self._lookups.clear()

    def forget_all(self) -> None:
        """Ask the store again for every key."""
        self._stale_before = self._elapsed()
        self._lookups.clear()

    async def _remembered(self, digest: str) -> Access | None:
        cached = await self._verified.get(digest)
        if cached is None:
            return None
        verified_at, access = _decoded(cached)
        stale_before = self._tenant_stale_before.get(access.tenant_id, self._stale_before)
        return access if verified_at > max(stale_before, self._stale_before) else None

    async def _look_up_once(self, key_id: str, digest: str) -> Access:
        # Shielded: who goes away takes the answer from nobody who waits for the same one.
        lookup = self._lookups.get(digest)
        if lookup is None:
            lookup = asyncio.create_task(self._look_up(key_id, digest))
            self._lookups[digest] = lookup
            lookup.add_done_callback(lambda done: self._landed(digest, done))
        return await asyncio.shield(lookup)

    def _landed(self, digest: str, lookup: asyncio.Task[Access]) -> None:
        if self._lookups.get(digest) is lookup:
            del self._lookups[digest]
        if not lookup.cancelled():
            # Where everybody who waited went away, nobody else asks for the exception.
            lookup.exception()

    async def _look_up(self, key_id: str, digest: str) -> Access:
        # A change that is made while the store answers must not be overlooked.
        began = self._elapsed()
        record = await self._directory.find(key_id)
        if record is None or not record.admits(digest):
            await self._unknown.set(digest, b"", UNKNOWN_SECONDS)
            raise InvalidApiKey
        value = orjson.dumps([began, _fields(record.access)])
        await self._verified.set(digest, value, self._ttl_seconds)
        return record.access


def _fields(access: Access) -> list[Any]:
    return [
        access.key_id,
        access.tenant_id,
        list(access.scopes),
        access.expires_at,
        access.suspended,
        access.limits,
        access.monthly_requests,
        access.price,
        access.currency,
    ]


# A key in use is decoded once, and not with each of its requests.
@lru_cache(maxsize=1_000)
def _decoded(cached: bytes) -> tuple[float, Access]:
    """When a key was verified, and what it may do."""
    verified_at, (key_id, tenant_id, scopes, *rest) = orjson.loads(cached)
    return verified_at, Access(key_id, tenant_id, frozenset(scopes), *rest)
