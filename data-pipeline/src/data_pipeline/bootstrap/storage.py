"""The stores: one database, the objects, the features, the files of imports."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from backends.database import close_engine, database_file, open_engine
from backends.embedded.checkpoints import background_checkpoints
from backends.feature_values.histories import HISTORY_LENGTH
from backends.migrations import prepare
from backends.object_store import UrlObjectStore
from backends.ports import FeatureReader, FeatureWriter
from backends.snapshots import SnapshotObjects
from data_pipeline.adapters.catalogue_log import SqlCatalogueLog
from data_pipeline.adapters.chunk_store import SqlChunkStore
from data_pipeline.adapters.corrections import SqlCorrections
from data_pipeline.adapters.event_archive import SqlEventArchive
from data_pipeline.adapters.event_log import SqlEventLog
from data_pipeline.adapters.event_type_store import SqlEventTypeStore
from data_pipeline.adapters.import_book import SqlImportBook, SqlImportClaims, SqlImportQueue
from data_pipeline.adapters.import_erasures import SqlErasedUsers
from data_pipeline.adapters.import_spool import ObjectSpool
from data_pipeline.adapters.item_store import SqlItemStore
from data_pipeline.adapters.ledger import SqlLedger
from data_pipeline.adapters.person_store import SqlPersonStore
from data_pipeline.adapters.quarantine import SqlQuarantine, SqlQuarantineExits
from data_pipeline.adapters.quarantined_people import SqlQuarantinedPeople
from data_pipeline.adapters.removed_ids import SqlRemovedIds
from data_pipeline.adapters.seen_ids.store import SeenIdsStore
from data_pipeline.adapters.snapshot_book import SqlSnapshotBook
from data_pipeline.adapters.training_counts import SqlTrainingCounts
from data_pipeline.adapters.user_log import SqlUserLog
from data_pipeline.adapters.user_store import SqlUserStore
from data_pipeline.adapters.validation_rules import SqlValidationRuleStore
from data_pipeline.bootstrap.features import open_features
from data_pipeline.bootstrap.new_features import make_features
from data_pipeline.bootstrap.weaving import Weaver
from data_pipeline.domain.accounting import (
    Ledger,
    Quarantine,
    QuarantinedPeople,
    QuarantineExits,
)
from data_pipeline.domain.chunk_store import ChunkStore, RemovedIds
from data_pipeline.domain.errors import DomainError
from data_pipeline.domain.import_ports import (
    ErasedUsers,
    ImportBook,
    ImportClaims,
    ImportQueue,
    Spool,
)
from data_pipeline.domain.imports import ImportFailed
from data_pipeline.domain.ports import (
    CatalogueLog,
    Corrections,
    EventArchive,
    EventLog,
    EventTypeStore,
    ItemStore,
    PersonStore,
    UserLog,
    UserStore,
)
from data_pipeline.domain.snapshot_ports import SnapshotBook, TrainingCounts
from data_pipeline.domain.validation_rules import ValidationRuleStore
from data_pipeline.migrate import MIGRATIONS
from data_pipeline.settings import Settings
from instrumentation.database import instrument_engine
from instrumentation.telemetry import Telemetry

SERVICE: Final = "data-pipeline"


@dataclass(frozen=True, slots=True)
class Storage:
    """Every store, open."""

    engine: AsyncEngine
    events: EventLog
    archive: EventArchive
    chunks: ChunkStore
    removed_ids: RemovedIds
    corrections: Corrections
    event_types: EventTypeStore
    rules: ValidationRuleStore
    catalogue: CatalogueLog
    items: ItemStore
    user_log: UserLog
    users: UserStore
    people: PersonStore
    ledger: Ledger
    quarantine: Quarantine
    quarantine_exits: QuarantineExits
    quarantined_people: QuarantinedPeople
    import_book: ImportBook
    import_queue: ImportQueue
    import_claims: ImportClaims
    erased: ErasedUsers
    spool: Spool
    objects: SnapshotObjects
    snapshot_book: SnapshotBook
    training_counts: TrainingCounts
    feature_writer: FeatureWriter
    feature_reader: FeatureReader


async def open_storage(settings: Settings, telemetry: Telemetry, stack: AsyncExitStack) -> Storage:
    """Open the stores and bring their schema up to date; `stack` closes them.

    Raises:
        PortUnavailable: one of them cannot be used.
    """
    weave = Weaver(telemetry).store
    engine = open_engine(settings.database(), settings.db_pool_size)
    stack.push_async_callback(close_engine, engine)
    instrument_engine(engine, telemetry.metrics, telemetry.tracing, SERVICE)
    await prepare(engine, MIGRATIONS)
    objects = weave(UrlObjectStore(settings.objects()), "object_store", KeyError)
    seen = SeenIdsStore(settings.seen_ids(), settings.deduplication_days)
    stack.callback(seen.close)
    # The stores in the database share the engine, which is closed above.
    stack.push_async_callback(objects.close)
    anew = partial(make_features, settings.features(), engine, objects, seen)
    features = await open_features(settings, Weaver(telemetry), stack, anew)
    files = [path for path in (database_file(engine), features.file) if path is not None]
    stack.enter_context(background_checkpoints(files))
    return Storage(
        engine=engine,
        events=weave(SqlEventLog(engine, objects, seen), "event_log"),
        archive=weave(SqlEventArchive(engine, objects, settings.sorting()), "event_archive"),
        chunks=weave(SqlChunkStore(engine, objects), "chunk_store"),
        removed_ids=weave(SqlRemovedIds(engine), "removed_ids"),
        corrections=weave(SqlCorrections(engine, objects, HISTORY_LENGTH), "corrections"),
        event_types=weave(SqlEventTypeStore(engine, objects), "event_type_store"),
        rules=weave(SqlValidationRuleStore(engine), "validation_rule_store"),
        catalogue=weave(SqlCatalogueLog(engine), "catalogue"),
        items=weave(SqlItemStore(engine), "item_store", DomainError),
        user_log=weave(SqlUserLog(engine), "user_log"),
        users=weave(SqlUserStore(engine, objects), "user_store", DomainError),
        people=weave(SqlPersonStore(engine, objects), "person_store", DomainError),
        ledger=weave(SqlLedger(engine), "ledger"),
        quarantine=weave(SqlQuarantine(engine), "quarantine"),
        quarantine_exits=weave(SqlQuarantineExits(engine), "quarantine_exits"),
        quarantined_people=weave(SqlQuarantinedPeople(engine), "quarantined_people"),
        import_book=weave(SqlImportBook(engine), "import_book"),
        import_queue=weave(SqlImportQueue(engine), "import_queue"),
        import_claims=weave(
            SqlImportClaims(engine), "import_claims", recurring=("waiting", "renew")
        ),
        erased=weave(SqlErasedUsers(engine), "erased_users"),
        # What an upload breaks off with is its caller's.
        spool=weave(
            ObjectSpool(objects, settings.imports() / "arriving"),
            "import_spool",
            ClientDisconnect,
            HTTPException,
            ImportFailed,
            DomainError,
        ),
        objects=objects,
        snapshot_book=weave(SqlSnapshotBook(engine), "snapshot_book"),
        training_counts=weave(SqlTrainingCounts(engine), "training_counts"),
        feature_writer=features.writer,
        feature_reader=features.reader,
    )
