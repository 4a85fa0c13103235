"""What there is to keep, and where: of the running services, and in a backup."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

import backend_api.migrate
import data_pipeline.adapters.tables
import data_pipeline.migrate
import ml_engine.adapters.tables
import ml_engine.migrate
from backend_api.adapters.product_tables import scenarios
from backends.locations import features_path, objects_url, sqlite_url
from launcher.backup.settings import BackupSettings


@dataclass(frozen=True, slots=True)
class Database:
    """The database of one service."""

    service: str
    url: str
    migrations: Path
    metadata: sa.MetaData


@dataclass(frozen=True, slots=True)
class Stores:
    """All that the services keep and nothing else holds; `objects` is a URL."""

    databases: Sequence[Database]
    objects: str


@dataclass(frozen=True, slots=True)
class Derived:
    """What data-pipeline makes anew from the event log where it is gone."""

    seen_ids: Path
    features: Path
    redis_url: str | None


def live_stores(settings: BackupSettings) -> Stores:
    """Those of the services."""
    own = (
        settings.backend_api_database_url,
        settings.ml_engine_database_url,
        settings.data_pipeline_database_url,
    )
    return Stores(
        _databases(settings.data_dir, [url or settings.database_url for url in own]),
        settings.object_store_url or objects_url(settings.data_dir),
    )


def kept_stores(folder: Path) -> Stores:
    """Those of a backup."""
    return Stores(_databases(folder, [""] * 3), objects_url(folder))


def derived(settings: BackupSettings) -> Derived:
    """What the services have derived."""
    return Derived(
        settings.data_dir / "data-pipeline" / "seen-ids",
        settings.feature_store_path or features_path(settings.data_dir),
        str(settings.redis_url) if settings.redis_url else None,
    )


def _databases(data_dir: Path, urls: Sequence[str]) -> Sequence[Database]:
    """In the order in which they are saved.

    backend-api comes first: an erasure that its copy knows of is then done in all later ones, and
    data of a tenant that it does not know yet is out of everybody's reach.
    """
    schemas = (
        (backend_api.migrate.MIGRATIONS, scenarios.metadata),
        (ml_engine.migrate.MIGRATIONS, ml_engine.adapters.tables.metadata),
        (data_pipeline.migrate.MIGRATIONS, data_pipeline.adapters.tables.metadata),
    )
    found: list[Database] = []
    for url, (migrations, metadata) in zip(urls, schemas, strict=True):
        service = migrations.parent.name.replace("_", "-")
        found.append(Database(service, url or sqlite_url(data_dir, service), migrations, metadata))
    return found
