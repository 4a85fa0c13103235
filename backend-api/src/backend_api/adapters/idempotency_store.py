"""IdempotencyStore over SQL."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Delete, Row, delete, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from backend_api.adapters import sql
from backend_api.adapters.tables import idempotency_keys as kept
from backend_api.domain.idempotency import Attempt, Begun, KeptAnswer, Running, Started
from backends.sql_store import SqlStore


class SqlIdempotencyStore(SqlStore):
    """Attempts and answers in the table `idempotency_keys`."""

    table = kept

    async def begin(self, attempt: Attempt, now: datetime) -> Begun:
        """Take the key for the attempt, or say who has it; forgets what is over its time."""
        known = select(kept).where(*_key(attempt))
        row = {
            "owner": attempt.owner,
            "idempotency_key": attempt.key,
            "attempt_id": attempt.attempt_id,
            "expires_at": sql.to_milliseconds(attempt.lease_until),
        }
        try:
            async with sql.transaction(self._engine) as connection:
                await connection.execute(_forgetting(sql.to_milliseconds(now)))
                found = (await connection.execute(known)).one_or_none()
                if found is None:
                    await connection.execute(insert(kept).values(row))
        except IntegrityError:
            # Another replica took the key between our look and our writing.
            return Running()
        return Started() if found is None else _begun(found)

    async def renew(self, attempt: Attempt, until: datetime) -> None:
        """Hold the key on, where the attempt still has it."""
        await self._change(attempt, expires_at=sql.to_milliseconds(until))

    async def keep(self, attempt: Attempt, answer: KeptAnswer, until: datetime) -> None:
        """Keep the attempt's answer until its time, where the attempt still has the key."""
        await self._change(
            attempt,
            expires_at=sql.to_milliseconds(until),
            fingerprint=answer.fingerprint,
            status=answer.status,
            headers=orjson.dumps(answer.headers).decode(),
            body=answer.body,
        )

    async def release(self, attempt: Attempt) -> None:
        """Free the key, where the attempt still has it."""
        statement = delete(kept).where(kept.c.attempt_id == attempt.attempt_id, *_key(attempt))
        async with sql.transaction(self._engine) as connection:
            await connection.execute(statement)

    async def _change(self, attempt: Attempt, **values: Any) -> None:
        mine = (kept.c.attempt_id == attempt.attempt_id, *_key(attempt))
        async with sql.transaction(self._engine) as connection:
            await connection.execute(update(kept).where(*mine).values(values))


def _forgetting(now_ms: int) -> Delete:
    """Delete what is over its time, but for what another transaction deletes already."""
    over = select(kept.c.owner, kept.c.idempotency_key).where(kept.c.expires_at <= now_ms)
    these = tuple_(kept.c.owner, kept.c.idempotency_key)
    return delete(kept).where(these.in_(over.with_for_update(skip_locked=True)))


def _key(attempt: Attempt) -> tuple[Any, ...]:
    return kept.c.owner == attempt.owner, kept.c.idempotency_key == attempt.key


def _begun(row: Row[Any]) -> Begun:
    if row.status is None:
        return Running()
    headers = [(name, value) for name, value in orjson.loads(row.headers)]
    return KeptAnswer(row.fingerprint, row.status, headers, row.body)
