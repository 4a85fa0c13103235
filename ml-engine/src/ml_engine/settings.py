"""The settings of ml-engine, read from the environment."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, RedisDsn

from backends.database_urls import DatabaseUrl
from backends.locations import features_path, objects_url, sqlite_url
from instrumentation.settings import ServiceSettings
from web.settings import EdgeSettings


class DatabaseSettings(ServiceSettings):
    """What a migration needs: the database alone; an empty URL is SQLite under `data_dir`."""

    service_name: str = "ml-engine"
    database_url: DatabaseUrl = ""
    db_pool_size: Annotated[int, Field(ge=1, le=100, description="1 to 100")] = 5

    def database(self) -> str:
        """The URL of the jobs database."""
        return self.database_url or sqlite_url(self.data_dir, "ml-engine")


class StoreSettings(DatabaseSettings):
    """Where models and snapshots are: an empty URL is a folder under `data_dir`."""

    object_store_url: str = ""

    def objects(self) -> str:
        """The URL of the object store."""
        return self.object_store_url or objects_url(self.data_dir)


class Settings(StoreSettings, EdgeSettings):
    """What ml-engine needs to start; an empty place is one under `data_dir`."""

    port: Annotated[int, Field(ge=1, le=65_535, description="a port from 1 to 65535")] = 8001
    feature_store_path: Path | None = None
    redis_url: Annotated[
        RedisDsn | None,
        Field(description="the URL of a Redis, such as redis://127.0.0.1:6379/0; empty for none"),
    ] = None

    run_training_jobs: bool = True
    """Whether this replica trains; one that does not takes jobs in for those that do."""
    training_queue_limit: Annotated[
        int, Field(ge=1, le=10_000, description="1 to 10000 jobs of a tenant that wait or run")
    ] = 20
    training_max_seconds: Annotated[
        float, Field(gt=0, le=7 * 86_400, description="seconds that a training may take, to 604800")
    ] = 6 * 3600
    training_max_memory_mb: Annotated[
        int | None, Field(ge=1, description="MB that a training may hold; empty for no bound")
    ] = None
    models_kept: Annotated[
        int, Field(ge=1, le=1000, description="1 to 1000 models of a tenant, the newest ones")
    ] = 10

    def telemetry(self) -> dict[str, str]:
        """The environment by which a process of the engine reports as the engine does."""
        return {
            "SERVICE_VERSION": self.service_version,
            "ENVIRONMENT": self.environment,
            "LOG_LEVEL": self.log_level,
            "LOG_FORMAT": self.log_format,
            "OTLP_ENDPOINT": str(self.otlp_endpoint or ""),
            "OTLP_HEADERS": self.otlp_headers.get_secret_value(),
            "TRACES_EXPORTER": self.traces_exporter,
            "JAEGER_AGENT_HOST": self.jaeger_agent_host,
            "JAEGER_AGENT_PORT": str(self.jaeger_agent_port),
            "TRACE_SAMPLE_RATE": str(self.trace_sample_rate),
            "SENTRY_DSN": self.sentry_dsn.get_secret_value() if self.sentry_dsn else "",
        }

    def features(self) -> Path:
        """The file of the feature store, where there is no Redis."""
        return self.feature_store_path or features_path(self.data_dir)
