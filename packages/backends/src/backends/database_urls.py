"""DATABASE_URL as the settings of every service read it."""

from typing import Annotated

from pydantic import AfterValidator, Field
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError


def _async_url(url: str) -> str:
    if not url:
        return url
    try:
        dialect = make_url(url).get_dialect()
    except SQLAlchemyError as error:
        raise ValueError(str(error)) from error
    if not dialect.is_async:
        raise ValueError("the driver is not async")
    return url


DatabaseUrl = Annotated[
    str,
    AfterValidator(_async_url),
    Field(
        description="a URL such as postgresql+asyncpg://user:password@host/name "
        "or sqlite+aiosqlite:///file.db"
    ),
]
"""A URL for an async driver, or nothing."""
