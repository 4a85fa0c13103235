"""The schema of the jobs database, by Alembic."""
