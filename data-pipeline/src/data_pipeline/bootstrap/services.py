"""The use cases over the open stores."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from backends.snapshots import SnapshotStore
from data_pipeline.bootstrap.storage import Storage
from data_pipeline.http.state import Pipeline
from data_pipeline.load.projection import FeatureProjection
from data_pipeline.services.accounting import Accounts
from data_pipeline.services.batch_admission import BatchAdmission
from data_pipeline.services.checks import Checks
from data_pipeline.services.erasure import Erasure
from data_pipeline.services.event_types import EventTypes
from data_pipeline.services.events import Events
from data_pipeline.services.imports import Imports
from data_pipeline.services.ingestion import Ingestion
from data_pipeline.services.intake import Books, Intake, RecordLogs
from data_pipeline.services.items import Items
from data_pipeline.services.people import People
from data_pipeline.services.quarantine import QuarantinedRecords
from data_pipeline.services.replays import Replays
from data_pipeline.services.snapshots import Snapshots, SnapshotSources
from data_pipeline.services.users import Users
from data_pipeline.services.validation_rules import ValidationRules
from data_pipeline.settings import Settings
from instrumentation.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Core:
    """The way of records into the stores and the features, which all sources share."""

    projection: FeatureProjection
    event_types: EventTypes
    rules: ValidationRules
    intake: Intake


async def open_core(storage: Storage, stack: AsyncExitStack, now_ms: Callable[[], int]) -> Core:
    """Let the features catch up, and open the intake."""
    projection = FeatureProjection(
        storage.events,
        storage.catalogue,
        storage.user_log,
        storage.corrections,
        storage.feature_writer,
        now_ms,
    )
    stack.push_async_callback(projection.close)
    await projection.recover()
    event_types = EventTypes(storage.event_types, projection)
    rules = ValidationRules(storage.rules, now_ms)
    intake = Intake(
        Checks(rules, event_types, storage.catalogue),
        RecordLogs(storage.events, storage.catalogue, storage.user_log),
        Books(storage.quarantine, storage.ledger),
        projection,
        storage.import_queue.together,
        now_ms,
    )
    return Core(projection, event_types, rules, intake)


def build_pipeline(
    settings: Settings,
    telemetry: Telemetry,
    storage: Storage,
    core: Core,
    imports: Imports,
    now_ms: Callable[[], int],
) -> Pipeline:
    """The parts that answer requests."""
    ledger, quarantine, exits = storage.ledger, storage.quarantine, storage.quarantine_exits
    reader, projection, rules = storage.feature_reader, core.projection, core.rules
    frozen = Snapshots(
        SnapshotSources(storage.archive, storage.catalogue, core.event_types),
        storage.training_counts,
        SnapshotStore(storage.objects),
        storage.snapshot_book,
        settings.snapshots(),
        now_ms,
    )
    quarantined = QuarantinedRecords(
        quarantine, exits, storage.quarantined_people, settings.quarantine_days
    )
    admission = BatchAdmission(settings.max_batches_in_work, settings.max_bytes_in_work)
    return Pipeline(
        ingestion=Ingestion(core.intake, admission),
        snapshots=frozen,
        items=Items(storage.items, rules, projection, now_ms),
        users=Users(storage.users, rules, projection, now_ms),
        events=Events(storage.archive, projection),
        event_types=core.event_types,
        validation_rules=rules,
        people=People(
            storage.people,
            storage.users,
            storage.archive,
            quarantined,
            reader,
            projection,
            now_ms,
        ),
        erasure=Erasure(
            storage.people, quarantined, frozen, storage.erased, reader, projection, now_ms
        ),
        imports=imports,
        accounts=Accounts(ledger, quarantine, exits, now_ms),
        quarantine=quarantined,
        replays=Replays(core.intake, quarantine, exits, ledger),
        metrics=telemetry.metrics,
        tracing=telemetry.tracing,
    )
