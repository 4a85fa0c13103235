"""The identifiers that callers choose, and what they may look like."""

from typing import Annotated

from pydantic import StringConstraints

Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""A user, item or event id: 1 to 256 characters without control characters."""

TenantId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""A tenant id: up to 63 lower-case letters, digits and hyphens."""
