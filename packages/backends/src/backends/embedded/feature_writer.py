"""FeatureWriter over a local SQLite file."""

import asyncio
import contextlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Generator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson

from backends.embedded.feature_schema import HISTORY_LENGTH, SCHEMA, open_features
from backends.ports import ItemContent, PortUnavailable, Positions, UserEvent


class SqliteFeatureWriter:
    """Writes histories, counts and items; the caller applies one batch at a time, in order."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = open_features(path)
        self._connection.executescript(SCHEMA)

    async def positions(self) -> Positions:
        """How far the features have come."""
        rows = dict(self._connection.execute("SELECT name, sequence FROM positions").fetchall())
        return Positions(events=rows.get("events", 0), items=rows.get("items", 0))

    async def apply_events(self, events: Sequence[tuple[str, UserEvent]], position: int) -> None:
        """Merge events into the histories of their users, and count them by item."""
        await asyncio.to_thread(self._apply_events, events, position)

    async def apply_items(self, items: Sequence[tuple[str, ItemContent]], position: int) -> None:
        """Replace items."""
        await asyncio.to_thread(self._apply_items, items, position)

    async def ping(self) -> None:
        """Take and give back the write lock."""
        with self._transaction():
            pass

    async def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _apply_events(self, events: Sequence[tuple[str, UserEvent]], position: int) -> None:
        by_user: defaultdict[tuple[str, str], list[UserEvent]] = defaultdict(list)
        for tenant_id, event in events:
            by_user[tenant_id, event.user_id].append(event)
        counts = Counter((tenant_id, event.item_id) for tenant_id, event in events)
        with self._transaction():
            for (tenant_id, user_id), new in by_user.items():
                self._merge_history(tenant_id, user_id, new)
            self._connection.executemany(
                "INSERT INTO item_counts VALUES (?, ?, ?) ON CONFLICT (tenant_id, item_id) "
                "DO UPDATE SET events = events + excluded.events",
                [(*key, count) for key, count in counts.items()],
            )
            self._move("events", position)

    def _merge_history(self, tenant_id: str, user_id: str, new: Sequence[UserEvent]) -> None:
        row = self._connection.execute(
            "SELECT events FROM histories WHERE tenant_id = ? AND user_id = ?",
            (tenant_id, user_id),
        ).fetchone()
        history: list[list[Any]] = orjson.loads(row[0]) if row else []
        history += [[e.item_id, e.event_type, e.timestamp_ms, e.value] for e in new]
        # Sorting is stable: events of one moment stay in the order in which they were stored.
        history.sort(key=itemgetter(2))
        self._connection.execute(
            "INSERT OR REPLACE INTO histories VALUES (?, ?, ?)",
            (tenant_id, user_id, orjson.dumps(history[-HISTORY_LENGTH:])),
        )

    def _apply_items(self, items: Sequence[tuple[str, ItemContent]], position: int) -> None:
        with self._transaction():
            self._connection.executemany(
                "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?)",
                [
                    (
                        tenant_id,
                        i.item_id,
                        i.sequence,
                        orjson.dumps([i.title, i.categories, i.year]),
                    )
                    for tenant_id, i in items
                ],
            )
            self._move("items", position)

    def _move(self, name: str, position: int) -> None:
        self._connection.execute("INSERT OR REPLACE INTO positions VALUES (?, ?)", (name, position))

    @contextlib.contextmanager
    def _transaction(self) -> Generator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise PortUnavailable(f"the feature store cannot be written: {error}") from error
