"""From a database's failures to `PortUnavailable`."""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import exc

from backends.ports import PortUnavailable

_OUR_FAULTS = (exc.DataError, exc.IntegrityError, exc.ProgrammingError)


@contextmanager
def available(what: str) -> Generator[None]:
    """Turn a locked, full or lost database into `PortUnavailable`; `what` is not available then.

    What only a statement of ours can cause stays as it is.
    """
    try:
        yield
    except _OUR_FAULTS:
        raise
    except (exc.SQLAlchemyError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise PortUnavailable(f"the {what} is not available: {reason}") from error
