"""FeatureReader over the local SQLite file that data-pipeline writes."""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from backends.embedded.feature_schema import FORMAT, format_of, open_features
from backends.feature_values.contents import decode_item
from backends.feature_values.histories import decode_history
from backends.feature_values.item_days import item_counts
from backends.ports import ItemContent, ItemCount, PortUnavailable, UserFeatures

LOOK_SECONDS: Final = 1.0
"""How often the reader looks whether the file is still the same."""

_NOTHING: Final = UserFeatures((), {})

ITEMS_AT_ONCE = 1_000
"""How many items one read brings, since the event loop waits for it."""


class SqliteFeatureReader:
    """Reads on the event loop's own thread: a keyed read takes microseconds, a thread hop more.

    The file is opened at the first use, since data-pipeline may start later, and again where
    another one was put in its place.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells seconds."""
        self._path = path
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._looked_at = 0.0

    async def user(self, tenant_id: str, user_id: str) -> UserFeatures:
        """The user's recent events, oldest first, and attributes."""
        rows = self._read(
            "SELECT events, attributes FROM users WHERE tenant_id = ? AND user_id = ?",
            (tenant_id, user_id),
        )
        if not rows:
            return _NOTHING
        events, attributes = rows[0]
        return UserFeatures(decode_history(events), orjson.loads(attributes) if attributes else {})

    async def items_after(self, tenant_id: str, sequence: int) -> Sequence[ItemContent]:
        """The tenant's first items changed after `sequence`."""
        rows = self._read(
            "SELECT sequence, item_id, content FROM items "
            "WHERE tenant_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            (tenant_id, sequence, ITEMS_AT_ONCE),
        )
        return [decode_item(*row) for row in rows]

    async def item_counts(self, tenant_id: str) -> dict[str, ItemCount]:
        """How many events each item has, all of them and by age."""
        return item_counts(
            self._read(
                "SELECT item_id, events, days FROM item_counts WHERE tenant_id = ?", (tenant_id,)
            )
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
            return self._current().execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise PortUnavailable(f"the feature store cannot be read: {error}") from error

    def _current(self) -> sqlite3.Connection:
        now = self._clock()
        if self._connection is None or now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._connection = self._reopened(self._connection)
        return self._connection

    def _reopened(self, connection: sqlite3.Connection | None) -> sqlite3.Connection:
        try:
            inode = self._path.stat().st_ino
        except FileNotFoundError:
            missing = f"no feature store at {self._path} yet: start data-pipeline"
            raise PortUnavailable(missing) from None
        if connection is not None and inode == self._inode:
            return connection
        if connection is not None:
            connection.close()
            self._connection = None
        connection = open_features(self._path)
        if format_of(connection) != FORMAT:
            connection.close()
            raise PortUnavailable(
                f"the features at {self._path} have another format: "
                "data-pipeline makes them anew when it starts"
            )
        connection.execute("PRAGMA query_only=ON")
        self._inode = inode
        return connection
