"""Runs the migrations on the connection that the service hands over."""

from backend_api.adapters.product_tables import metadata
from backends.migrations import run

run(metadata, "backend_api_schema_version")
