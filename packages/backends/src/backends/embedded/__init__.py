"""Implementations of the ports that need no server: SQLite, files, memory."""
