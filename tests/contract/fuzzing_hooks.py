"""What schemathesis cannot send by itself: files."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson", "text/csv", "application/vnd.apache.parquet")
def file_content(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """A generated value as the content of an upload."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")
