"""The ports over servers that replicas share."""
