"""The SQLite file in which data-pipeline keeps features and from which ml-engine reads them."""

import sqlite3
from pathlib import Path

HISTORY_LENGTH = 200
"""How many of a user's newest events the feature store keeps."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS histories (
    tenant_id TEXT NOT NULL, user_id TEXT NOT NULL, events BLOB NOT NULL,
    PRIMARY KEY (tenant_id, user_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
    tenant_id TEXT NOT NULL, item_id TEXT NOT NULL, sequence INTEGER NOT NULL,
    content BLOB NOT NULL, PRIMARY KEY (tenant_id, item_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_by_sequence ON items (tenant_id, sequence);
CREATE TABLE IF NOT EXISTS item_counts (
    tenant_id TEXT NOT NULL, item_id TEXT NOT NULL, events INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, item_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (
    name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
"""


def open_features(path: Path) -> sqlite3.Connection:
    """Open the file in WAL mode, so that one process writes while others read."""
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
    connection.execute("PRAGMA journal_mode=WAL")
    # The features can be made again from the event log, so a power cut may cost the last commits.
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection
