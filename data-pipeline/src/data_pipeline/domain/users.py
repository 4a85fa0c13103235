"""Users between what callers send, what is kept, and what they get back."""

from contracts.users import StoredUser, UserChanges
from data_pipeline.domain.merge_patch import patched_attributes
from data_pipeline.domain.moments import moment
from data_pipeline.domain.records import UserRecord, Versioned


def patched_user(user: UserRecord, changes: UserChanges) -> UserRecord:
    """The user after a merge patch. Raises `InvalidChange` for too many attributes."""
    if "attributes" not in changes.model_fields_set:
        return user
    return user._replace(attributes=patched_attributes(user.attributes, changes.attributes))


def stored_user(user: Versioned[UserRecord]) -> StoredUser:
    """A user as callers get it."""
    return StoredUser(
        user_id=user.record.user_id,
        attributes=dict(user.record.attributes),
        version=user.version,
        updated_at=moment(user.updated_at_ms),
    )
