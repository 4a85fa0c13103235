"""Administration of API keys: a tenant's, or for tenant None the operator's."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from backend_api.domain.access import Clock, to_the_millisecond, utc_now
from backend_api.domain.access_errors import InvalidKeyExpiry, KeyNotActive
from backend_api.domain.access_ports import ApiKeyStore
from backend_api.domain.audit import ENVIRONMENT, Actor
from backend_api.domain.cursors import from_cursor, to_cursor
from backend_api.domain.errors import NoSuchKey
from backend_api.domain.keys import StoredKey, hash_key, key_id_of, new_api_key
from backend_api.services.changes import AccessChanges
from contracts.pages import Page
from contracts.public.access import ApiKey, CreatedKey, NewKey, Scope

_INSTALLED: Final = "ADMIN_API_KEY"
"""The name of the operator's keys that come from the environment."""

_PAGE: Final = 100


class KeyService:
    """Creates, lists, rotates and revokes keys."""

    def __init__(self, keys: ApiKeyStore, changes: AccessChanges, clock: Clock = utc_now) -> None:
        self._keys = keys
        self._changes = changes
        self._clock = clock

    async def create(self, tenant_id: str | None, new: NewKey, actor: Actor) -> CreatedKey:
        """A new key, whole: this is the only time that anyone sees it.

        Raises:
            NoSuchTenant: nobody has this tenant id.
            InvalidKeyExpiry: it would end before it begins.
        """
        now = self._clock()
        if new.expires_at is not None and new.expires_at <= now:
            raise InvalidKeyExpiry
        created = _new_key(tenant_id, new, now)
        details = new.model_dump(mode="json", exclude_none=True)
        entry = actor.did("key.create", created.key_id, now, tenant_id=tenant_id, **details)
        await self._keys.add(_stored(created), entry)
        return created

    async def rotate(
        self, tenant_id: str | None, key_id: str, overlap: timedelta, actor: Actor
    ) -> CreatedKey:
        """A new key of the same name and scopes; the old one ends after `overlap` at the latest.

        The new key does not expire.

        Raises:
            NoSuchKey: the tenant has no such key.
            KeyNotActive: it is revoked or expired.
        """
        now = self._clock()
        old = await self.get(tenant_id, key_id)
        if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
            raise KeyNotActive(key_id)
        created = _new_key(tenant_id, NewKey(name=old.name, scopes=old.scopes), now)
        entry = actor.did(
            "key.rotate",
            key_id,
            now,
            tenant_id=tenant_id,
            new_key_id=created.key_id,
            overlap_seconds=int(overlap.total_seconds()),
        )
        await self._keys.add(_stored(created), entry, replaces=(key_id, now + overlap))
        self._changes.forget(tenant_id)
        return created

    async def get(self, tenant_id: str | None, key_id: str) -> ApiKey:
        """One key of the tenant. Raises `NoSuchKey`."""
        key = await self._keys.find(tenant_id, key_id)
        if key is None:
            raise NoSuchKey(key_id)
        return key

    async def page(
        self, tenant_id: str | None, limit: int, cursor: str | None = None
    ) -> Page[ApiKey]:
        """The tenant's keys, revoked ones too, oldest first. Raises `InvalidCursor`."""
        after = None
        if cursor is not None:
            milliseconds, key_id = from_cursor(cursor, int, str)
            after = (int(milliseconds), str(key_id))
        found = await self._keys.page(tenant_id, limit + 1, after)
        return Page(
            data=list(found[:limit]),
            next_cursor=_cursor_after(found[limit - 1]) if len(found) > limit else None,
        )

    async def revoke(self, tenant_id: str | None, key_id: str, actor: Actor) -> None:
        """End a key, here at once; elsewhere for as long as keys are kept in mind.

        Raises:
            NoSuchKey: the tenant has no such key.
        """
        now = self._clock()
        entry = actor.did("key.revoke", key_id, now, tenant_id=tenant_id)
        await self._keys.revoke(tenant_id, key_id, now, entry)
        self._changes.forget(tenant_id)

    async def install_operator_key(self, key: str) -> None:
        """Let a key that was chosen elsewhere be the operator's, and no longer those before it.

        One that was replaced stays revoked: a replica that still starts with it changes nothing.
        """
        key_id = key_id_of(key)
        assert key_id is not None  # noqa: S101 - the settings have checked it
        now = self._clock()
        present = await self._keys.find(None, key_id)
        if present is not None and present.revoked_at is not None:
            return
        if present is None:
            new = NewKey(name=_INSTALLED, scopes=[Scope.ADMIN])
            installed = _described(key_id, None, new, now)
            entry = ENVIRONMENT.did("key.create", key_id, now, tenant_id=None, name=new.name)
            await self._keys.add(StoredKey(installed, hash_key(key)), entry)
        for other in await self._installed():
            if other.key_id != key_id and other.revoked_at is None:
                await self.revoke(None, other.key_id, ENVIRONMENT)

    async def _installed(self) -> Sequence[ApiKey]:
        """Every operator's key that was ever installed."""
        found: list[ApiKey] = []
        cursor = None
        while True:
            page = await self.page(None, _PAGE, cursor)
            found += [key for key in page.data if key.name == _INSTALLED]
            cursor = page.next_cursor
            if cursor is None:
                return found


def _cursor_after(key: ApiKey) -> str:
    milliseconds = key.created_at.timestamp() * 1000
    return to_cursor(round(milliseconds), key.key_id)


def _new_key(tenant_id: str | None, new: NewKey, now: datetime) -> CreatedKey:
    key = new_api_key()
    key_id = key_id_of(key)
    assert key_id is not None  # noqa: S101 - by construction
    return CreatedKey(key=key, **_described(key_id, tenant_id, new, now).model_dump())


def _described(key_id: str, tenant_id: str | None, new: NewKey, now: datetime) -> ApiKey:
    return ApiKey(
        key_id=key_id,
        tenant_id=tenant_id,
        name=new.name,
        scopes=sorted(set(new.scopes)),
        created_at=now,
        expires_at=new.expires_at and to_the_millisecond(new.expires_at),
        last_used_at=None,
        revoked_at=None,
    )


def _stored(created: CreatedKey) -> StoredKey:
    described = ApiKey(**created.model_dump(exclude={"key"}))
    assert created.key is not None  # noqa: S101 - it was just made
    return StoredKey(described, hash_key(created.key))
