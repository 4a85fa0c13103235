"""What can go wrong in ways that a caller can mend; each error has a stable code."""

from typing import ClassVar


class DomainError(Exception):
    """An expected failure. The message says what happened and what to do."""

    code: ClassVar[str]


class InvalidJson(DomainError):
    """The body is not JSON."""

    code = "invalid_json"


class InvalidBatch(DomainError):
    """The body is JSON, but not a batch of records."""

    code = "invalid_request"


class EmptySnapshot(DomainError):
    """The tenant has no events to freeze."""

    code = "empty_snapshot"


class SnapshotNotFound(DomainError):
    """There is no such training snapshot."""

    code = "snapshot_not_found"


class SnapshotUnreadable(DomainError):
    """The snapshot's manifest is damaged, or of a format this version does not read."""

    code = "snapshot_damaged"
