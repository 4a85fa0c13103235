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


class InvalidChange(DomainError):
    """A merge patch makes something that is not valid."""

    code = "invalid_request"


class RuleBroken(DomainError):
    """A record is valid, but not by the validation rules of its tenant."""

    code = "rule_broken"


class InvalidCursor(DomainError):
    """The cursor is none that a list of this kind has answered with."""

    code = "invalid_cursor"


class ItemNotFound(DomainError):
    """There is no such item."""

    code = "item_not_found"


class UserNotFound(DomainError):
    """Nothing is stored of such a user."""

    code = "user_not_found"


class EventNotFound(DomainError):
    """There is no such event."""

    code = "event_not_found"


class EventTypeNotFound(DomainError):
    """The tenant has declared no such event type."""

    code = "event_type_not_found"


class TooManyEventTypes(DomainError):
    """The tenant has as many event types of its own as there may be."""

    code = "too_many_event_types"


class VersionConflict(DomainError):
    """The record has changed since it was read."""

    code = "version_conflict"


class MergeCycle(DomainError):
    """A user cannot be merged into itself, nor into an id that was merged into it."""

    code = "merge_cycle"


class AlreadyMerged(DomainError):
    """The id was merged into another user before."""

    code = "already_merged"


class QuarantinedRecordNotFound(DomainError):
    """There is no such record in quarantine."""

    code = "quarantined_record_not_found"


class QuarantineChanged(DomainError):
    """Records left the quarantine while they were replayed."""

    code = "quarantine_changed"


class InvalidPeriod(DomainError):
    """The days that were asked for are no period, or too many."""

    code = "invalid_request"


class TooManyBatches(DomainError):
    """As many batches are in work as may be at once."""

    code = "too_many_batches"
