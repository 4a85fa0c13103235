"""Runs the migrations on the connection that the service hands over."""

from alembic import context

from backend_api.adapters.product_tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # The services may share a database, so each keeps its own account of its schema.
    version_table="backend_api_schema_version",
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
