"""The SQLite file in which data-pipeline keeps features and from which ml-engine reads them.

Every row is made of the records alone, not of the order in which they came: the same records give
the same bytes.
"""

import sqlite3
from pathlib import Path
from typing import Final

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

FORMAT: Final = 2
"""Which way of keeping features this is: another number for every change of what is in the file."""

FEATURE_TABLES: Final = ("users", "items", "item_counts", "event_weights")
"""The tables that hold features, whose first columns are their keys."""


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
