"""FeatureReader over the local SQLite file that data-pipeline writes."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from backends.embedded.feature_schema import decode_item, open_features
from backends.ports import ItemContent, PortUnavailable, UserEvent

ITEMS_AT_ONCE = 1_000
"""How many items one read brings, since the event loop waits for it."""


class SqliteFeatureReader:
    """Reads on the event loop's own thread: a keyed read takes microseconds, a thread hop more.

    The file is opened at the first use, since data-pipeline may start later.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    async def history(self, tenant_id: str, user_id: str) -> Sequence[UserEvent]:
        """The user's recent events, oldest first."""
        rows = self._read(
            "SELECT events FROM histories WHERE tenant_id = ? AND user_id = ?",
            (tenant_id, user_id),
        )
        return [UserEvent(user_id, *event) for event in orjson.loads(rows[0][0])] if rows else []

    async def items_after(self, tenant_id: str, sequence: int) -> Sequence[ItemContent]:
        """The tenant's first items changed after `sequence`."""
        rows = self._read(
            "SELECT sequence, item_id, content FROM items "
            "WHERE tenant_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            (tenant_id, sequence, ITEMS_AT_ONCE),
        )
        return [decode_item(*row) for row in rows]

    async def item_counts(self, tenant_id: str) -> dict[str, int]:
        """How many events each item has."""
        return dict(
            self._read("SELECT item_id, events FROM item_counts WHERE tenant_id = ?", (tenant_id,))
        )

    async def event_weights(self, tenant_id: str) -> Mapping[str, float]:
        """The weight of each event type; empty where all are the standard ones."""
        rows = self._read("SELECT weights FROM event_weights WHERE tenant_id = ?", (tenant_id,))
        return orjson.loads(rows[0][0]) if rows else {}

    async def ping(self) -> None:
        """Read one row."""
        self._read("SELECT sequence FROM positions LIMIT 1", ())

    async def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()

    def _read(self, query: str, parameters: tuple[Any, ...]) -> list[Any]:
        try:
            if self._connection is None:
                self._connection = self._open()
            return self._connection.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise PortUnavailable(f"the feature store cannot be read: {error}") from error

    def _open(self) -> sqlite3.Connection:
        if not self._path.exists():
            raise PortUnavailable(f"no feature store at {self._path} yet: start data-pipeline")
        connection = open_features(self._path)
        connection.execute("PRAGMA query_only=ON")
        return connection
