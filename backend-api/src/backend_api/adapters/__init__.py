"""The ports over SQL and over the other services."""
