"""RecommendationLogStore and UserAnswers over SQL."""

import asyncio
import zlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, select

from backend_api.adapters import sql
from backend_api.adapters.product_tables import recommendation_log as log
from backend_api.domain.recommendations import LoggedRecommendation
from backends.sql_store import SqlStore

_FASTEST = 1
_WINDOW_BITS = 12
_MEMORY_LEVEL = 5


class SqlRecommendationLogStore(SqlStore):
    """Answers in the table `recommendation_log`, compressed: most of an answer is repetition."""

    table = log

    async def add(self, entries: Sequence[LoggedRecommendation]) -> None:
        """Keep answers: all of them or none."""
        rows = await asyncio.to_thread(lambda: [_row(entry) for entry in entries])
        async with sql.transaction(self._engine) as connection:
            await connection.execute(insert(log), rows)

    async def find(self, tenant_id: str, recommendation_id: str) -> LoggedRecommendation | None:
        """The tenant's answer, or None."""
        query = select(log).where(
            log.c.recommendation_id == recommendation_id, log.c.tenant_id == tenant_id
        )
        async with sql.transaction(self._reading) as connection:
            row = (await connection.execute(query)).one_or_none()
        return _entry(row) if row else None

    async def purge(self, before_id: str, limit: int) -> int:
        """Remove up to `limit` answers whose ids sort before `before_id`; how many."""
        oldest = (
            select(log.c.recommendation_id)
            .where(log.c.recommendation_id < before_id)
            .order_by(log.c.recommendation_id)
            .limit(limit)
        )
        statement = delete(log).where(log.c.recommendation_id.in_(oldest))
        async with sql.transaction(self._engine) as connection:
            return (await connection.execute(statement)).rowcount

    async def of_users(
        self, tenant_id: str, user_ids: Sequence[str]
    ) -> Sequence[LoggedRecommendation]:
        """All answers to these users, oldest first."""
        query = select(log).where(*_of(tenant_id, user_ids)).order_by(log.c.recommendation_id)
        async with sql.transaction(self._reading) as connection:
            rows = (await connection.execute(query)).all()
        return [_entry(row) for row in rows]

    async def count(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """How many answers are kept of these users."""
        query = select(func.count()).select_from(log).where(*_of(tenant_id, user_ids))
        async with sql.transaction(self._reading) as connection:
            return (await connection.execute(query)).scalar_one()

    async def erase(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """Remove all answers to these users; how many."""
        statement = delete(log).where(*_of(tenant_id, user_ids))
        async with sql.transaction(self._engine) as connection:
            return (await connection.execute(statement)).rowcount


def _of(tenant_id: str, user_ids: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return log.c.tenant_id == tenant_id, log.c.user_id.in_(user_ids)


def _row(entry: LoggedRecommendation) -> dict[str, Any]:
    return {
        "recommendation_id": entry.recommendation_id,
        "tenant_id": entry.tenant_id,
        "user_id": entry.user_id,
        "created_at": sql.to_milliseconds(entry.created_at),
        "request": _compressed(entry.request),
        "answer": _compressed(entry.answer),
    }


def _compressed(content: bytes) -> bytes:
    # An answer of ten items fits into 4 KB. To clear zlib's own 256 KB for each takes several times
    # as long as to compress it.
    work = zlib.compressobj(_FASTEST, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL)
    return work.compress(content) + work.flush()


def _entry(row: Row[Any]) -> LoggedRecommendation:
    return LoggedRecommendation(
        row.recommendation_id,
        row.tenant_id,
        row.user_id,
        sql.from_milliseconds(row.created_at),
        zlib.decompress(row.request),
        zlib.decompress(row.answer),
    )
