"""Makes features from the logs alone, in a file beside the present one or by another writer."""

from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from backends.embedded.feature_file import remove_features
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.feature_values.histories import HISTORY_LENGTH
from backends.ports import FeatureWriter, ObjectStore
from data_pipeline.adapters.catalogue_log import SqlCatalogueLog
from data_pipeline.adapters.corrections import SqlCorrections
from data_pipeline.adapters.event_log import SqlEventLog
from data_pipeline.adapters.seen_ids.store import SeenIdsStore
from data_pipeline.adapters.user_log import SqlUserLog
from data_pipeline.bootstrap.clock import system_clock
from data_pipeline.load.projection import FeatureProjection


async def make_features(
    path: Path, engine: AsyncEngine, objects: ObjectStore, seen: SeenIdsStore
) -> Path:
    """The file of new features, which may take the place of those at `path`.

    Raises:
        PortUnavailable: a store cannot be read.
    """
    made = path.with_name(f"{path.name}.made")
    remove_features(made)
    await fill_features(SqliteFeatureWriter(made), engine, objects, seen)
    return made


async def fill_features(
    writer: FeatureWriter, engine: AsyncEngine, objects: ObjectStore, seen: SeenIdsStore
) -> None:
    """Write the features of all that is logged, and close the writer.

    Raises:
        PortUnavailable: a store cannot be read or written.
    """
    try:
        projection = FeatureProjection(
            SqlEventLog(engine, objects, seen),
            SqlCatalogueLog(engine),
            SqlUserLog(engine),
            SqlCorrections(engine, objects, HISTORY_LENGTH),
            writer,
            system_clock,
        )
        await projection.fill()
    finally:
        await writer.close()
