"""Runs the migrations on the connection that the service hands over."""

from backends.migrations import run
from data_pipeline.adapters.tables import metadata

run(metadata, "data_pipeline_schema_version")
