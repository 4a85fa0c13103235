"""FeatureWriter over a local SQLite file."""

import asyncio
import contextlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Generator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import orjson

from backends.embedded.feature_schema import (
    HISTORY_LENGTH,
    SCHEMA,
    encode_history,
    encode_item,
    open_features,
)
from backends.embedded.traces import remove_traces
from backends.ports import (
    Correction,
    HistoryCorrection,
    ItemContent,
    ItemCountCorrection,
    PortUnavailable,
    Positions,
    UserEvent,
)

CACHE_KIB: Final = 32 * 1024


class SqliteFeatureWriter:
    """Writes histories, counts and items; the caller applies one batch at a time, in order."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._connection = open_features(path)
        # A batch touches thousands of pages; with SQLite's own 2 MB it would write many twice.
        self._connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        self._connection.executescript(SCHEMA)

    async def positions(self) -> Positions:
        """How far the features have come."""
        rows = dict(self._connection.execute("SELECT name, sequence FROM positions").fetchall())
        return Positions(
            events=rows.get("events", 0),
            items=rows.get("items", 0),
            corrections=rows.get("corrections", 0),
        )

    async def apply_events(self, events: Sequence[tuple[str, UserEvent]], position: int) -> None:
        """Merge events into the histories of their users, and count them by item."""
        await asyncio.to_thread(self._apply_events, events, position)

    async def apply_items(self, items: Sequence[tuple[str, ItemContent]], position: int) -> None:
        """Replace or remove items."""
        await asyncio.to_thread(self._apply_items, items, position)

    async def correct(self, corrections: Sequence[Correction], position: int) -> None:
        """Apply corrections in their order; an erased user leaves no byte in the files."""
        await asyncio.to_thread(self._correct, corrections, position)

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
        history += encode_history(new)
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
                    (tenant_id, item.item_id, item.sequence, encode_item(item))
                    for tenant_id, item in items
                ],
            )
            self._move("items", position)

    def _correct(self, corrections: Sequence[Correction], position: int) -> None:
        with self._on_disk(), self._transaction():
            for correction in corrections:
                self._apply_correction(correction)
            self._move("corrections", position)
        erased = [
            one.user_id for one in corrections if isinstance(one, HistoryCorrection) and one.erased
        ]
        if erased:
            remove_traces(self._path, erased)

    def _apply_correction(self, correction: Correction) -> None:
        tenant_id = correction.tenant_id
        if isinstance(correction, HistoryCorrection):
            events = orjson.dumps(encode_history(correction.events)) if correction.events else None
            self._put("histories", "user_id", (tenant_id, correction.user_id), events)
        elif isinstance(correction, ItemCountCorrection):
            count = correction.events or None
            self._put("item_counts", "item_id", (tenant_id, correction.item_id), count)
        else:
            self._connection.execute(
                "INSERT OR REPLACE INTO event_weights VALUES (?, ?)",
                (tenant_id, orjson.dumps(dict(correction.weights))),
            )

    def _put(self, table: str, column: str, key: tuple[str, str], value: Any) -> None:
        if value is None:
            # Both names are ours.
            query = f"DELETE FROM {table} WHERE tenant_id = ? AND {column} = ?"  # noqa: S608
            self._connection.execute(query, key)
        else:
            query = f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)"  # noqa: S608
            self._connection.execute(query, (*key, value))

    @contextlib.contextmanager
    def _on_disk(self) -> Generator[None]:
        # The log keeps no corrections that were applied, so a power cut must not cost one.
        self._connection.execute("PRAGMA synchronous=FULL")
        try:
            yield
        finally:
            self._connection.execute("PRAGMA synchronous=NORMAL")

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
