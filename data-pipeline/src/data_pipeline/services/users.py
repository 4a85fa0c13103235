"""The users' profiles, one by one."""

from collections.abc import Callable, Sequence

from contracts.users import StoredUser, UserChanges, UserProfile
from data_pipeline.domain.errors import RuleBroken, UserNotFound
from data_pipeline.domain.ports import UserStore
from data_pipeline.domain.records import Change, UserRecord, Versioned
from data_pipeline.domain.users import patched_user, stored_user
from data_pipeline.domain.versions import check_version
from data_pipeline.load.projection import FeatureProjection
from data_pipeline.services.validation_rules import ValidationRules
from data_pipeline.transform.rules import user_fault


class Users:
    """Reads and changes profiles.

    A user of whom there are events only has an empty profile of version 0. All raise
    `PortUnavailable`; with `if_match`, changes raise `VersionConflict`. What breaks a rule of the
    tenant is not stored, and raises `RuleBroken`.
    """

    def __init__(
        self,
        store: UserStore,
        rules: ValidationRules,
        projection: FeatureProjection,
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._rules = rules
        self._projection = projection
        self._now_ms = now_ms

    async def find(self, tenant_id: str, user_id: str) -> StoredUser:
        """A user. Raises `UserNotFound` where there is neither a profile nor an event."""
        return stored_user(_existing(await self._store.find(tenant_id, user_id)))

    async def page(self, tenant_id: str, after: str | None, limit: int) -> Sequence[StoredUser]:
        """Users with a profile by id, those after the id `after`."""
        return [stored_user(user) for user in await self._store.page(tenant_id, after, limit)]

    async def put(
        self, tenant_id: str, user_id: str, profile: UserProfile, if_match: int | None
    ) -> tuple[StoredUser, bool]:
        """Create or replace a profile, and say whether there was none."""

        def replaced(present: Versioned[UserRecord] | None) -> UserRecord:
            check_version(present, if_match)
            return UserRecord(user_id, profile.attributes)

        changed = await self._change(tenant_id, user_id, replaced)
        return stored_user(changed.stored), changed.created

    async def patch(
        self, tenant_id: str, user_id: str, changes: UserChanges, if_match: int | None
    ) -> StoredUser:
        """Change some of a profile. Raises `UserNotFound`, `InvalidChange`."""

        def patched(present: Versioned[UserRecord] | None) -> UserRecord:
            user = _existing(present)
            check_version(user, if_match)
            return patched_user(user.record, changes)

        changed = await self._change(tenant_id, user_id, patched)
        return stored_user(changed.stored)

    async def _change(
        self,
        tenant_id: str,
        user_id: str,
        change: Callable[[Versioned[UserRecord] | None], UserRecord],
    ) -> Change[UserRecord]:
        rules = await self._rules.current(tenant_id)

        def sound(present: Versioned[UserRecord] | None) -> UserRecord:
            user = change(present)
            fault = user_fault(user, rules)
            if fault is not None:
                raise RuleBroken(fault.reason)
            return user

        changed = await self._store.change(tenant_id, user_id, sound, self._now_ms())
        await self._projection.follow(users=changed.stored.version)
        return changed


def _existing(user: Versioned[UserRecord] | None) -> Versioned[UserRecord]:
    if user is None:
        raise UserNotFound("there is neither a profile nor an event of such a user")
    return user
