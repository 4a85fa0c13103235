"""The settings of data-pipeline, read from the environment."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from backends.locations import features_path, objects_url, sqlite_url
from instrumentation.settings import ServiceSettings
from web.settings import EdgeSettings


class Settings(ServiceSettings, EdgeSettings):
    """What data-pipeline needs to start; an empty place is one under `data_dir`."""

    service_name: str = "data-pipeline"
    port: Annotated[int, Field(ge=1, le=65_535, description="a port from 1 to 65535")] = 8002
    database_url: str = ""
    db_pool_size: Annotated[int, Field(ge=1, le=100, description="1 to 100")] = 5
    object_store_url: str = ""
    feature_store_path: Path | None = None
    max_import_bytes: Annotated[
        int, Field(ge=1_024, description="bytes of an import's file, 1024 or more")
    ] = 1024 * 1024 * 1024

    def database(self) -> str:
        """The URL of the database with the event log and the catalogue."""
        return self.database_url or sqlite_url(self.data_dir, "data-pipeline")

    def objects(self) -> str:
        """The URL of the object store."""
        return self.object_store_url or objects_url(self.data_dir)

    def imports(self) -> Path:
        """The folder of the uploaded files of imports."""
        return self.data_dir / "data-pipeline" / "imports"

    def features(self) -> Path:
        """The file of the feature store."""
        return self.feature_store_path or features_path(self.data_dir)
