"""From the database's failures to `PortUnavailable`."""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import exc

from backends.ports import PortUnavailable

_OUR_FAULTS = (exc.DataError, exc.IntegrityError, exc.ProgrammingError)


@contextmanager
def available(what: str) -> Generator[None]:
    """Turn a locked, full or lost database into `PortUnavailable`; `what` is not available then.

    What only a mistake in our statements can cause stays as it is.
    """
    try:
        yield
    except _OUR_FAULTS:
        raise
    except exc.DBAPIError as error:
        raise PortUnavailable(f"the {what} is not available: {error.orig}") from error
    except exc.TimeoutError as error:
        raise PortUnavailable(f"the {what} is not available: all connections are busy") from error
