"""What can go wrong in ways that a caller can mend; each error has a stable code."""

from typing import ClassVar


class DomainError(Exception):
    """An expected failure. The message says what happened and what to do."""

    code: ClassVar[str]


class NotEnoughData(DomainError):
    """The data set cannot support what was asked of it.

    `missing` says, for a person, what has to be added, e.g. "a user with two or more events".
    """

    code = "not_enough_data"

    def __init__(self, missing: str) -> None:
        super().__init__(f"not enough data: {missing}")
        self.missing = missing


class ItemNotFound(DomainError):
    """The tenant's catalogue and model know no such item."""

    code = "item_not_found"


class NothingToRecommend(DomainError):
    """The tenant has neither a model nor events nor items."""

    code = "nothing_to_recommend"


class SnapshotNotFound(DomainError):
    """There is no such training snapshot."""

    code = "snapshot_not_found"


class JobNotFound(DomainError):
    """The tenant has no such training job."""

    code = "training_job_not_found"


class JobEnded(DomainError):
    """The training job has ended, or its model is just about to serve: it cannot be cancelled."""

    code = "training_job_ended"


class SnapshotUnusable(DomainError):
    """The snapshot is there, but it is not what its manifest says."""

    code = "snapshot_damaged"


class NothingToRollBackTo(DomainError):
    """No other model of the tenant served before the one that serves."""

    code = "nothing_to_roll_back_to"


class CursorInvalid(DomainError):
    """A cursor that no page of the list has given."""

    code = "invalid_cursor"


class ModelNotFound(DomainError):
    """The registry has no such model."""

    code = "model_not_found"


class ModelDamaged(DomainError):
    """The registry has the model, but its files are not what was stored."""

    code = "model_damaged"


class TrainingFailed(DomainError):
    """A training job made no model; `reason_code` says why for programs, the text for people."""

    code = "training_failed"

    def __init__(self, reason_code: str, reason: str) -> None:
        super().__init__(reason)
        self.reason_code = reason_code


class NotPromoted(DomainError):
    """A new model is kept, but does not serve by itself; `reason_code` and text as above."""

    code = "not_promoted"

    def __init__(self, reason_code: str, reason: str) -> None:
        super().__init__(reason)
        self.reason_code = reason_code


class TooManyJobs(DomainError):
    """So many jobs of the tenant wait or run that no more is taken in."""

    code = "too_many_training_jobs"
