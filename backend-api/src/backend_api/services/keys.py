"""Administration of API keys."""

from collections.abc import Sequence
from datetime import UTC, datetime

from backend_api.domain.keys import ApiKey, hash_key, key_id_of, new_api_key
from backend_api.domain.ports import ApiKeyStore


class KeyService:
    """Creates, lists and revokes keys."""

    def __init__(self, keys: ApiKeyStore) -> None:
        self._keys = keys

    async def create(self, tenant_id: str) -> str:
        """A new key of the tenant, whole: this is the only time that anyone sees it.

        Raises:
            NoSuchTenant: nobody has this tenant id.
        """
        key = new_api_key()
        key_id = key_id_of(key)
        assert key_id is not None  # noqa: S101 - by construction
        await self._keys.add(ApiKey(key_id, tenant_id, hash_key(key), datetime.now(UTC)))
        return key

    async def of_tenant(self, tenant_id: str) -> Sequence[ApiKey]:
        """The tenant's keys, revoked ones too, oldest first; none for an unknown tenant."""
        return await self._keys.of_tenant(tenant_id)

    async def revoke(self, key_id: str) -> None:
        """End a key; it may work on for as long as services keep verified keys in mind.

        Raises:
            NoSuchKey: no key has this id.
        """
        await self._keys.revoke(key_id, datetime.now(UTC))
