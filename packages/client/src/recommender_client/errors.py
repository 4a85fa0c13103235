"""What can go wrong.

    RecommenderError
      + InvalidArguments            not sent: the arguments make no valid request (a ValueError)
      + ConnectionFailed            refused, cut off, or no such host
      + TimedOut                    no answer in time, or `wait` waited too long
      + UnexpectedAnswer            an answer that is not the recommender's, as of a proxy
      + JobFailed                   an import or a training that `wait` waited for did not complete
      + BufferFull                  no room for an event within the given time (a BufferError)
      + NotDelivered                events that the buffer could not deliver
      + ApiError                    the recommender refused: a problem with a stable code
          - BadRequest              400
          - Unauthenticated         401
          - Forbidden               403
          - NotFound                404
          - Conflict                409
          - VersionConflict         412
          - BodyTooLarge            413
          - InvalidRequest          422
          - RateLimited             429
          - ServerError             500 and above
              . Unavailable         502, 503, 504

No message and no repr holds the API key, a header or a body.
"""

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from contracts.events import Event
from contracts.imports import ImportJob
from contracts.problems import Problem
from contracts.training import TrainingJob


class RecommenderError(Exception):
    """All that this package raises."""


class InvalidArguments(RecommenderError, ValueError):
    """The arguments make no valid request; nothing was sent."""

    @classmethod
    def of(cls, error: ValidationError) -> "InvalidArguments":
        """What pydantic found, without the values."""
        found = error.errors(include_url=False, include_context=False, include_input=False)
        places = ((".".join(str(part) for part in one["loc"]), one["msg"]) for one in found)
        return cls("; ".join(f"{place}: {words}" if place else words for place, words in places))


class ConnectionFailed(RecommenderError):
    """The recommender could not be reached, or the connection broke."""


class TimedOut(RecommenderError, TimeoutError):
    """There was no answer in time, or a job took longer than `wait` was told to wait."""


class UnexpectedAnswer(RecommenderError):
    """An answer that is not the recommender's: a proxy's, or that of another version."""


class JobFailed(RecommenderError):
    """The `job` that was waited for failed or was cancelled."""

    def __init__(self, job: ImportJob | TrainingJob) -> None:
        super().__init__(job)
        self.job = job

    def __str__(self) -> str:
        """How the job ended, and why."""
        return f"the job {self.job.status.value}: {self.job.error or 'no reason is given'}"


class BufferFull(RecommenderError, BufferError):
    """The buffer had no room for an event within the given time; the event is not in it."""


class NotDelivered(RecommenderError):
    """Events that were not confirmed; sending them again, ids unchanged, is safe.

    `cause` is the last error of the attempts, if there was one.
    """

    def __init__(self, events: Sequence[Event], cause: Exception | None) -> None:
        super().__init__(events, cause)
        self.events = events
        self.cause = cause

    def __str__(self) -> str:
        """How many events, and why."""
        reason = "time ran out" if self.cause is None else str(self.cause)
        return f"{len(self.events)} events were not delivered: {reason}"


class ApiError(RecommenderError):
    """The recommender answered with a problem (RFC 9457)."""

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(problem, retry_after)
        self.problem = problem
        self.retry_after = retry_after
        """Seconds to wait before another attempt, where the answer says so."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def code(self) -> str:
        """The stable code, for programs."""
        return self.problem.code

    @property
    def detail(self) -> str:
        """What happened and what to do, for people."""
        return self.problem.detail

    @property
    def trace_id(self) -> str | None:
        """The trace to name when asking for help."""
        return self.problem.trace_id

    def __str__(self) -> str:
        """Status, code, detail and trace."""
        trace = f" (trace {self.trace_id})" if self.trace_id else ""
        return f"{self.status} {self.code}: {self.detail}{trace}"


class BadRequest(ApiError):
    """400: the request is not one that the API understands."""


class Unauthenticated(ApiError):
    """401: there is no valid API key."""


class Forbidden(ApiError):
    """403: the key lacks the scope, or the tenant is suspended."""


class NotFound(ApiError):
    """404: the tenant has no such thing."""


class Conflict(ApiError):
    """409: it contradicts what is there, such as a model where none is trained yet."""


class VersionConflict(ApiError):
    """412: the record was changed, or made, by somebody else meanwhile."""


class BodyTooLarge(ApiError):
    """413: send less at once."""


class InvalidRequest(ApiError):
    """422: the request is understood, but its values are not allowed."""


class RateLimited(ApiError):
    """429: over the rate limit or the quota; `retry_after` says for how long."""


class ServerError(ApiError):
    """500 and above: the recommender failed."""


class Unavailable(ServerError):
    """502, 503, 504: the recommender, or a part of it, is away for now."""


_CLASSES: Final[dict[int, type[ApiError]]] = {
    400: BadRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: VersionConflict,
    413: BodyTooLarge,
    422: InvalidRequest,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def api_error(problem: Problem, retry_after: float | None) -> ApiError:
    """The problem as the exception for its status."""
    fallback = ServerError if problem.status >= 500 else ApiError
    return _CLASSES.get(problem.status, fallback)(problem, retry_after)
