"""What comes back: an answer, or no answer, and what either means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeAlias, TypeVar

import httpx2
from pydantic import ValidationError

from contracts.problems import Problem
from recommender_client.errors import (
    ConnectionFailed,
    RecommenderError,
    TimedOut,
    UnexpectedAnswer,
    api_error,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer with its whole body."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def retry_after(self) -> float | None:
        """Seconds that the Retry-After header asks for, which may give a time instead."""
        value = self.headers.get("retry-after")
        if value is None:
            return None
        if value.isascii() and value.isdigit():
            return float(value)
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        return max(0.0, (moment.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds())


Outcome: TypeAlias = Answer | ConnectionFailed | TimedOut


def no_answer(error: httpx2.RequestError, address: str) -> ConnectionFailed | TimedOut:
    """Why there is no answer, without what was sent."""
    if isinstance(error, httpx2.TimeoutException):
        return TimedOut(f"no answer from {address} in time ({type(error).__name__})")
    # A protocol error of ours would quote the header that it is about.
    known = "" if isinstance(error, httpx2.LocalProtocolError) else str(error)
    return ConnectionFailed(f"no answer from {address}: {known or type(error).__name__}")


def result(outcome: Outcome, read: Callable[[bytes], T]) -> T:
    """What the answer says.

    Raises:
        RecommenderError: there is none, or it is a problem, or not of the expected shape.
    """
    if not isinstance(outcome, Answer):
        raise outcome
    if outcome.status >= 300:
        raise _refusal(outcome)
    try:
        return read(outcome.content)
    except (ValidationError, UnicodeDecodeError):
        words = f"status {outcome.status}, but not the body that belongs to it"
        raise UnexpectedAnswer(words) from None


def _refusal(answer: Answer) -> RecommenderError:
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        # Of a proxy, most likely: its status counts, whatever it wrote.
        if answer.status < 400:
            return UnexpectedAnswer(f"status {answer.status}: is the address right?")
        problem = Problem(
            title=_phrase(answer.status),
            status=answer.status,
            code="unexpected_answer",
            detail="the answer is not one of the recommender: something between refused",
        )
    # The line itself is what retries went by.
    problem.status = answer.status
    return api_error(problem, answer.retry_after)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"
