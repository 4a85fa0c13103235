"""Runs the migrations on the connection that the service hands over."""

from backends.migrations import run
from ml_engine.adapters.tables import metadata

run(metadata, "ml_engine_schema_version")
