"""Python client of the embedding recommender, sync and async.

`Recommender` and `AsyncRecommender` have the same operations, grouped by noun; `Operator` and
`AsyncOperator` those of the operator. `recommender_client.models` has the shapes that they take
and answer, `recommender_client.errors` all that can go wrong.
"""

from recommender_client.async_event_buffer import AsyncEventBuffer
from recommender_client.clients import AsyncOperator, AsyncRecommender, Operator, Recommender
from recommender_client.errors import (
    ApiError,
    BadRequest,
    BodyTooLarge,
    BufferFull,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidArguments,
    InvalidRequest,
    JobFailed,
    NotDelivered,
    NotFound,
    RateLimited,
    RecommenderError,
    ServerError,
    TimedOut,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    VersionConflict,
)
from recommender_client.event_backlog import Delivered
from recommender_client.event_buffer import EventBuffer
from recommender_client.new_events import new_event, new_event_id
from recommender_client.retries import NO_RETRIES, RetryPolicy

__all__ = [
    "NO_RETRIES",
    "ApiError",
    "AsyncEventBuffer",
    "AsyncOperator",
    "AsyncRecommender",
    "BadRequest",
    "BodyTooLarge",
    "BufferFull",
    "Conflict",
    "ConnectionFailed",
    "Delivered",
    "EventBuffer",
    "Forbidden",
    "InvalidArguments",
    "InvalidRequest",
    "JobFailed",
    "NotDelivered",
    "NotFound",
    "Operator",
    "RateLimited",
    "Recommender",
    "RecommenderError",
    "RetryPolicy",
    "ServerError",
    "TimedOut",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
    "VersionConflict",
    "new_event",
    "new_event_id",
]
