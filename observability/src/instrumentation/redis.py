"""What the spans of a port say of the Redis behind it."""

from urllib.parse import urlsplit

from opentelemetry.util.types import AttributeValue


def redis_attributes(url: str) -> dict[str, AttributeValue]:
    """Attributes by OpenTelemetry's conventions, without user and password."""
    parts = urlsplit(url)
    return {
        "db.system.name": "redis",
        "db.namespace": parts.path.lstrip("/") or "0",
        "server.address": parts.hostname or "localhost",
        "server.port": parts.port or 6379,
    }
