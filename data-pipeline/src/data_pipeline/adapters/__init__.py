"""The ports over relational databases."""
