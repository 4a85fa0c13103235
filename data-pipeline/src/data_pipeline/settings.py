"""The settings of data-pipeline, read from the environment."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, RedisDsn, model_validator

from backends.database_urls import DatabaseUrl
from backends.locations import features_path, objects_url, sqlite_url
from instrumentation.settings import ServiceSettings
from web.settings import EdgeSettings


class DatabaseSettings(ServiceSettings):
    """What a migration needs: the database alone; an empty URL is SQLite under `data_dir`."""

    service_name: str = "data-pipeline"
    database_url: DatabaseUrl = ""
    db_pool_size: Annotated[int, Field(ge=1, le=100, description="1 to 100")] = 5

    def database(self) -> str:
        """The URL of the database with the event log and the catalogue."""
        return self.database_url or sqlite_url(self.data_dir, "data-pipeline")


class Settings(DatabaseSettings, EdgeSettings):
    """What data-pipeline needs to start; an empty place is one under `data_dir`."""

    port: Annotated[int, Field(ge=1, le=65_535, description="a port from 1 to 65535")] = 8002
    object_store_url: str = ""
    feature_store_path: Path | None = None
    redis_url: Annotated[
        RedisDsn | None,
        Field(description="the URL of a Redis, such as redis://127.0.0.1:6379/0; empty for none"),
    ] = None
    max_import_bytes: Annotated[
        int, Field(ge=1_024, description="bytes of an import's file, 1024 or more")
    ] = 1024 * 1024 * 1024
    import_buckets: Annotated[
        str, Field(description="s3:// buckets that imports may fetch from, such as a,b/exports/")
    ] = ""
    import_folder: Annotated[
        str | None, Field(description="the folder whose files imports may name by file://")
    ] = None
    max_batches_in_work: Annotated[
        int, Field(ge=2, description="batches that are in work at once, 2 or more")
    ] = 64
    max_bytes_in_work: Annotated[
        int, Field(ge=1_024, description="bytes of the batches in work at once, 1024 or more")
    ] = 64 * 1024 * 1024
    deduplication_days: Annotated[
        int, Field(ge=1, le=3_650, description="days that an event id is remembered, 1 to 3650")
    ] = 30
    event_retention_days: Annotated[
        int, Field(ge=0, description="days that events are kept, 0 for ever")
    ] = 0
    quarantine_days: Annotated[
        int, Field(ge=1, description="days that rejected records are kept, 1 or more")
    ] = 30
    kafka_bootstrap_servers: Annotated[
        str, Field(description="host:port of Kafka, several by commas; empty for none")
    ] = ""
    kafka_events_topic: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$", description="the name of a topic")
    ] = "recommender.events"
    kafka_replica_name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9._-]{0,249}$",
            description="a name that no other replica has, of letters, digits, dots, _ and -",
        ),
    ] = ""
    kafka_session_seconds: Annotated[
        float,
        Field(ge=1, le=300, description="seconds until a silent consumer is missed, 1 to 300"),
    ] = 6

    @model_validator(mode="after")
    def _events_outlast_their_ids(self) -> "Settings":
        if 0 < self.event_retention_days < self.deduplication_days:
            raise ValueError(
                "EVENT_RETENTION_DAYS is too few: expected 0, for ever, or at least "
                f"DEDUPLICATION_DAYS ({self.deduplication_days}), as ids are known from the events"
            )
        return self

    def objects(self) -> str:
        """The URL of the object store."""
        return self.object_store_url or objects_url(self.data_dir)

    def imports(self) -> Path:
        """The folder of imports' files on their way into the object store and out of it."""
        return self.data_dir / "data-pipeline" / "imports"

    def kafka_replica(self) -> str:
        """The name under which this replica takes up its partitions again, the machine's if none.

        A container's machine is named after the container, so replicas in containers differ.
        """
        return self.kafka_replica_name or socket.gethostname()

    def import_bucket_list(self) -> Sequence[str]:
        """The buckets that imports may fetch from, each perhaps with a prefix of keys."""
        return [one.strip() for one in self.import_buckets.split(",") if one.strip()]

    def seen_ids(self) -> Path:
        """The folder of the index of seen event ids, which is made anew where it is lost."""
        return self.data_dir / "data-pipeline" / "seen-ids"

    def sorting(self) -> Path:
        """The folder for what is sorted and does not fit into memory."""
        return self.data_dir / "data-pipeline" / "sorting"

    def snapshots(self) -> Path:
        """The folder for the files of a snapshot until they are in the object store."""
        return self.data_dir / "data-pipeline" / "snapshots"

    def features(self) -> Path:
        """The file of the feature store, where there is no Redis."""
        return self.feature_store_path or features_path(self.data_dir)
