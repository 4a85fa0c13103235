"""Backup and restore of everything: `python -m launcher.backup`.

A backup is a data folder as `make run` has one, with what is not derived from the rest: the three
databases as SQLite files and the objects; and a manifest of hashes. So it is made from and restored
to either kind of database and any object store, and can be looked into by starting the services on
a copy of it.
"""
