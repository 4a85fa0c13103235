"""Where the services keep what they have, read from the environment as they read it."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, RedisDsn
from pydantic_settings import BaseSettings, SettingsConfigDict

from backends.database_urls import DatabaseUrl


class BackupSettings(BaseSettings):
    """What is empty is under `data_dir`; a service's own database goes before the one of all."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    data_dir: Annotated[Path, Field(description="a folder for local files")] = Path(".data")
    database_url: DatabaseUrl = ""
    backend_api_database_url: DatabaseUrl = ""
    ml_engine_database_url: DatabaseUrl = ""
    data_pipeline_database_url: DatabaseUrl = ""
    object_store_url: str = ""
    feature_store_path: Path | None = None
    redis_url: Annotated[
        RedisDsn | None,
        Field(description="the URL of a Redis, such as redis://127.0.0.1:6379/0; empty for none"),
    ] = None
