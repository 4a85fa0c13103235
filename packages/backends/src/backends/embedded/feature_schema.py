"""The SQLite file in which data-pipeline keeps features and from which ml-engine reads them.

Every row is made of the records alone, not of the order in which they came: the same records give
the same bytes.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson

from backends.ports import AttributeValue, ItemContent

# A user's row has the newest events and the profile's attributes, either of which may be empty.
_SCHEMA: Final = """
CREATE TABLE users (
    tenant_id TEXT NOT NULL, user_id TEXT NOT NULL, events BLOB NOT NULL,
    attributes BLOB NOT NULL, PRIMARY KEY (tenant_id, user_id)) WITHOUT ROWID;
CREATE TABLE items (
    tenant_id TEXT NOT NULL, item_id TEXT NOT NULL, sequence INTEGER NOT NULL,
    content BLOB NOT NULL, PRIMARY KEY (tenant_id, item_id)) WITHOUT ROWID;
CREATE INDEX items_by_sequence ON items (tenant_id, sequence);
CREATE TABLE item_counts (
    tenant_id TEXT NOT NULL, item_id TEXT NOT NULL, events INTEGER NOT NULL,
    days BLOB NOT NULL, PRIMARY KEY (tenant_id, item_id)) WITHOUT ROWID;
CREATE TABLE event_weights (
    tenant_id TEXT PRIMARY KEY, weights BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE positions (
    name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
"""

FORMAT: Final = 1
"""Which way of keeping features this is: another number for every change of what is in the file."""

FEATURE_TABLES: Final = ("users", "items", "item_counts", "event_weights")
"""The tables that hold features, whose first columns are their keys."""


def encode_item(item: ItemContent) -> bytes:
    """The content of an item as the file keeps it; empty for one that was removed."""
    if item.removed:
        return b""
    return orjson.dumps(
        [item.title, item.categories, item.year, item.attributes, item.location, item.available]
    )


def decode_item(sequence: int, item_id: str, content: bytes) -> ItemContent:
    """The item that `encode_item` encoded."""
    if not content:
        return ItemContent(sequence, item_id, None, (), None, available=False, removed=True)
    title, categories, year, attributes, location, available = orjson.loads(content)
    return ItemContent(
        sequence,
        item_id,
        title,
        tuple(categories),
        year,
        attributes,
        (location[0], location[1]) if location else None,
        available,
    )


def encode_mapping(values: Mapping[str, AttributeValue]) -> bytes:
    """Attributes or weights as the file keeps them; nothing is empty."""
    return orjson.dumps(dict(values), option=orjson.OPT_SORT_KEYS) if values else b""


def format_of(connection: sqlite3.Connection) -> int | None:
    """The format of the features in an open file; None where there are no tables yet."""
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return version if tables else None


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables and note their format, all or nothing."""
    connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version={FORMAT}; COMMIT;")


def open_features(path: Path) -> sqlite3.Connection:
    """Open the file in WAL mode, so that one process writes while others read."""
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
    connection.execute("PRAGMA journal_mode=WAL")
    # The features can be made again from the event log, so a power cut may cost the last commits.
    connection.execute("PRAGMA synchronous=NORMAL")
    # What is removed is overwritten: an erased user's history must not stay in the file.
    connection.execute("PRAGMA secure_delete=ON")
    return connection
