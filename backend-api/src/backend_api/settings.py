"""The settings of backend-api, read from the environment."""

from pathlib import Path
from typing import Any

from pydantic import Field, HttpUrl, RedisDsn, SecretStr, model_validator

from backend_api.domain.keys import is_strong
from backends.database_urls import DatabaseUrl
from backends.locations import sqlite_url
from instrumentation.settings import ServiceSettings
from web.settings import EdgeSettings


def _local_database(fields: dict[str, Any]) -> str:
    return sqlite_url(fields["data_dir"], "backend-api")


class DatabaseSettings(ServiceSettings):
    """What administration needs: the database alone."""

    service_name: str = Field(default="backend-api", description="a lower-case word")
    database_url: DatabaseUrl = Field(default_factory=_local_database)
    db_pool_size: int = Field(default=5, ge=1, le=500, description="a number from 1 to 500")


class Settings(EdgeSettings, DatabaseSettings):
    """What the service needs."""

    port: int = Field(default=8000, ge=1, le=65_535, description="a port from 1 to 65535")
    ml_engine_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8001"), description="the URL of ml-engine"
    )
    recommendation_budget_seconds: float = Field(
        default=0.2,
        gt=0,
        le=60,
        description="seconds for one recommendation until another answer stands in, up to 60",
    )
    ml_engine_timeout_seconds: float = Field(
        default=2.0,
        gt=0,
        le=60,
        description="seconds for one recommendation where no other can stand in, up to 60",
    )
    ml_engine_call_seconds: float = Field(
        default=10.0,
        gt=0,
        le=60,
        description="seconds for a batch, a model or a training job, up to 60",
    )
    recommendation_log_days: int = Field(
        default=7, ge=1, le=90, description="days for which answers are kept, 1 to 90"
    )
    max_import_bytes: int = Field(
        default=1024 * 1024 * 1024, ge=1_024, description="bytes of an import's file, 1024 or more"
    )
    data_pipeline_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8002"), description="the URL of data-pipeline"
    )
    data_pipeline_timeout_seconds: float = Field(
        default=30.0, gt=0, le=300, description="seconds for one batch of events, up to 300"
    )
    api_key_cache_seconds: float = Field(
        default=5.0, ge=0, le=60, description="seconds until a change of access is seen, up to 60"
    )
    admin_api_key: SecretStr | None = Field(
        default=None, description="a key of the operator, such as `recsys key generate` makes"
    )
    admin_api_key_file: Path | None = Field(
        default=None, description="a file that holds a key of the operator"
    )
    redis_url: RedisDsn | None = Field(
        default=None, description="the URL of a Redis, such as redis://127.0.0.1:6379/0"
    )
    usage_flush_seconds: float = Field(
        default=1.0, gt=0, le=60, description="seconds of usage that a crash may lose, up to 60"
    )
    idempotency_hours: float = Field(
        default=24.0, gt=0, le=720, description="hours for which answers are kept, up to 720"
    )

    @model_validator(mode="after")
    def _strong_admin_key(self) -> "Settings":
        key = self.operator_key()
        if key is not None and not is_strong(key):
            raise ValueError(
                "ADMIN_API_KEY is malformed or weak: expected a random key of the form rk_..., "
                "such as `recsys key generate` makes"
            )
        return self

    def operator_key(self) -> str | None:
        """The operator's first key, from the environment or from its file."""
        if self.admin_api_key is not None:
            return self.admin_api_key.get_secret_value()
        if self.admin_api_key_file is None:
            return None
        try:
            return self.admin_api_key_file.read_text().strip()
        except OSError as error:
            raise ValueError(f"ADMIN_API_KEY_FILE cannot be read: {error.strerror}") from error
