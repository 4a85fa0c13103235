"""What all commands share: the database, how they end, how they print."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError

from backend_api.bootstrap import Administration, build_administration
from backend_api.domain.errors import DomainError
from backend_api.settings import DatabaseSettings
from backends.migrations import SchemaMismatch
from backends.ports import PortUnavailable
from contracts.pages import MAX_PAGE, Page
from instrumentation.settings import SettingsError, load_settings

T = TypeVar("T")
RowT = TypeVar("RowT")
TenantArgument = Annotated[
    str, typer.Argument(metavar="TENANT", help="A tenant id, such as acme.", show_default=False)
]
REFUSED = 1
BAD_INPUT = 2


def administer(work: Callable[[Administration], Awaitable[T]]) -> T:
    """What `work` gives; what it refuses ends the command with one line."""

    async def run(settings: DatabaseSettings) -> T:
        async with build_administration(settings) as administration:
            return await work(administration)

    try:
        return asyncio.run(run(load_settings(DatabaseSettings)))
    except SettingsError as error:
        raise ended(str(error), BAD_INPUT) from None
    except ValidationError as error:
        raise ended(first_reason(error), REFUSED) from None
    except (DomainError, PortUnavailable, SchemaMismatch) as error:
        raise ended(str(error), REFUSED) from None


async def every(page: Callable[[int, str | None], Awaitable[Page[RowT]]]) -> AsyncGenerator[RowT]:
    """The rows of all pages."""
    cursor: str | None = None
    while True:
        found = await page(MAX_PAGE, cursor)
        for row in found.data:
            yield row
        cursor = found.next_cursor
        if cursor is None:
            return


def ended(reason: str, status: int) -> typer.Exit:
    """The end of the command, its reason on stderr."""
    typer.echo(f"recsys: {reason}", err=True)
    return typer.Exit(status)


def first_reason(error: ValidationError) -> str:
    """What is wrong with a value, on one line."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]


def shown(moment: datetime | None) -> str:
    """A time to the second, or `-`."""
    if moment is None:
        return "-"
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
