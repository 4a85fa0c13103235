"""Who is asking: from a key to its tenant, without SQL while the key is known."""

from typing import Final

import orjson

from backend_api.domain.errors import InvalidApiKey, MissingApiKey
from backend_api.domain.keys import Principal, hash_key, key_id_of
from backend_api.domain.ports import ApiKeyStore
from backends.ports import Cache

UNKNOWN_SECONDS: Final = 5.0
"""How long an unknown key is refused without asking the store again."""


class Authenticator:
    """Verifies keys. A revoked key goes on working for at most `ttl_seconds`.

    `verified` and `unknown` are caches apart, so that made-up keys push out no real one.
    """

    def __init__(
        self, keys: ApiKeyStore, *, verified: Cache, unknown: Cache, ttl_seconds: float
    ) -> None:
        self._keys = keys
        self._verified = verified
        self._unknown = unknown
        self._ttl_seconds = ttl_seconds

    async def authenticate(self, key: str | None) -> Principal:
        """The tenant behind a key.

        Raises:
            MissingApiKey: there is no key.
            InvalidApiKey: it is malformed, unknown or revoked.
        """
        if key is None:
            raise MissingApiKey
        key_id = key_id_of(key)
        if key_id is None:
            raise InvalidApiKey
        digest = hash_key(key)
        cached = await self._verified.get(digest)
        if cached is not None:
            return Principal(*orjson.loads(cached))
        if await self._unknown.get(digest) is not None:
            raise InvalidApiKey
        return await self._look_up(key_id, digest)

    async def _look_up(self, key_id: str, digest: str) -> Principal:
        stored = await self._keys.find(key_id)
        if stored is None or not stored.admits(digest):
            await self._unknown.set(digest, b"", UNKNOWN_SECONDS)
            raise InvalidApiKey
        value = orjson.dumps([stored.tenant_id, stored.key_id])
        await self._verified.set(digest, value, self._ttl_seconds)
        return Principal(stored.tenant_id, stored.key_id)
