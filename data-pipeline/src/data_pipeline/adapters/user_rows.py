"""Users as rows of their table, and back."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.upserts import insert
from data_pipeline.adapters.tables import users
from data_pipeline.domain.records import UserRecord, Versioned

USER_COUNTER = "users"
"""The counter that orders the changes of users."""

_INSERT = insert(users)
REPLACE_USER = _INSERT.on_conflict_do_update(
    index_elements=["tenant_id", "user_id"],
    set_={c.name: _INSERT.excluded[c.name] for c in users.c if not c.primary_key},
)
"""Inserts a row of `user_row`, or replaces the one that is there."""


def user_row(tenant_id: str, user: UserRecord, sequence: int, updated_at_ms: int) -> dict[str, Any]:
    """The row of a user."""
    return {
        "tenant_id": tenant_id,
        **user._asdict(),
        "sequence": sequence,
        "updated_at_ms": updated_at_ms,
    }


def versioned_user(row: Any) -> Versioned[UserRecord]:
    """The user of a row."""
    return Versioned(UserRecord(row.user_id, row.attributes), row.sequence, row.updated_at_ms)


async def find_profile(
    connection: AsyncConnection, tenant_id: str, user_id: str
) -> Versioned[UserRecord] | None:
    """The profile under this very id."""
    query = sa.select(users).where(users.c.tenant_id == tenant_id, users.c.user_id == user_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else versioned_user(row)
