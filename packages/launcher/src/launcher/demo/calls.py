"""Calls of the public API, their failures told in one line."""

from collections.abc import Generator
from contextlib import contextmanager

from launcher.errors import LaunchError
from recommender_client import ConnectionFailed, RecommenderError, TimedOut, Unavailable


class ServiceSilent(LaunchError):
    """A service gave no answer: most likely it has just ended."""


@contextmanager
def doing(what: str) -> Generator[None]:
    """Turn a refusal or silence into a `LaunchError` that begins with `what`."""
    try:
        yield
    except (ConnectionFailed, TimedOut, Unavailable) as error:
        raise ServiceSilent(f"{what} failed: {error}") from error
    except RecommenderError as error:
        raise LaunchError(f"{what} failed: {error}") from error
