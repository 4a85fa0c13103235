"""Calls to the services, their failures told in one line."""

from collections.abc import Generator
from contextlib import contextmanager

from contracts.client import ServiceError
from contracts.transport import ServiceUnavailable
from launcher.errors import LaunchError


class ServiceSilent(LaunchError):
    """A service gave no answer: most likely it has just ended."""


@contextmanager
def doing(what: str) -> Generator[None]:
    """Turn a service's refusal or silence into a `LaunchError` that begins with `what`."""
    try:
        yield
    except ServiceError as error:
        raise LaunchError(f"{what} failed: {error}") from error
    except ServiceUnavailable as error:
        raise ServiceSilent(f"{what} failed: {error}") from error
