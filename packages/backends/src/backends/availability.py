"""From a database's failures to `PortUnavailable`."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc

from backends.ports import PortUnavailable

_OUR_FAULTS: Final = (exc.DataError, exc.IntegrityError, exc.ProgrammingError)
_OUR_CLASSES: Final = frozenset({"22", "23", "42"})
"""Of SQLSTATE: a value, a constraint, the statement itself."""

_NO_TABLE: Final = "42P01"


@contextmanager
def available(what: str) -> Generator[None]:
    """Turn a locked, full or lost database into `PortUnavailable`; `what` is not available then.

    What only a statement of ours can cause stays as it is.
    """
    try:
        yield
    except (exc.SQLAlchemyError, OSError) as error:
        if _is_ours(error):
            raise
        cause = getattr(error, "orig", None) or error
        # asyncpg's time-outs have no words of their own.
        reason = str(cause).partition("\n")[0] or type(cause).__name__
        raise PortUnavailable(f"the {what} is not available: {reason}") from error


def _is_ours(error: Exception) -> bool:
    original = getattr(error, "orig", None)
    state: str | None = getattr(original, "sqlstate", None)
    if state is not None:
        return state[:2] in _OUR_CLASSES and state != _NO_TABLE
    # asyncpg's own refusal of a value is a ValueError below the driver's.
    refused = isinstance(getattr(original, "__cause__", None), ValueError)
    return refused or isinstance(error, _OUR_FAULTS)
