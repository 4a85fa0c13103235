"""Runs the migrations on the connection that the service hands over."""

from alembic import context

from ml_engine.adapters.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # The services may share a database, so each keeps its own account of its schema.
    version_table="ml_engine_schema_version",
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
