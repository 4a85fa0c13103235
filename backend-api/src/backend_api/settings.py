"""The settings of backend-api, read from the environment."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, HttpUrl
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from backends.locations import sqlite_url
from instrumentation.settings import ServiceSettings
from web.settings import EdgeSettings


def _local_database(fields: dict[str, Any]) -> str:
    return sqlite_url(fields["data_dir"], "backend-api")


def _async_url(url: str) -> str:
    try:
        dialect = make_url(url).get_dialect()
    except SQLAlchemyError as error:
        raise ValueError(str(error)) from error
    if not dialect.is_async:
        raise ValueError("the driver is not async")
    return url


class DatabaseSettings(ServiceSettings):
    """What administration needs: the database alone."""

    service_name: str = Field(default="backend-api", description="a lower-case word")
    database_url: Annotated[str, AfterValidator(_async_url)] = Field(
        default_factory=_local_database,
        description="a URL for an async driver such as sqlite+aiosqlite:///file.db",
    )
    db_pool_size: int = Field(default=5, ge=1, le=500, description="a number from 1 to 500")


class Settings(EdgeSettings, DatabaseSettings):
    """What the service needs."""

    port: int = Field(default=8000, ge=1, le=65_535, description="a port from 1 to 65535")
    ml_engine_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8001"), description="the URL of ml-engine"
    )
    ml_engine_timeout_seconds: float = Field(
        default=2.0, gt=0, le=60, description="seconds for one recommendation, up to 60"
    )
    data_pipeline_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8002"), description="the URL of data-pipeline"
    )
    data_pipeline_timeout_seconds: float = Field(
        default=30.0, gt=0, le=300, description="seconds for one batch of events, up to 300"
    )
    api_key_cache_seconds: float = Field(
        default=30.0, ge=0, le=3600, description="seconds for which a revoked key may still work"
    )
