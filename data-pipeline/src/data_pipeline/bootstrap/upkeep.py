"""What keeps the stores in order beside the requests."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial

from backends.abandoned_uploads import remove_abandoned_uploads
from data_pipeline.adapters.books_telemetry import BooksTelemetry
from data_pipeline.adapters.maintenance_telemetry import MaintenanceTelemetry
from data_pipeline.adapters.upkeep_claims import SqlUpkeepClaims
from data_pipeline.bootstrap.background import in_background
from data_pipeline.bootstrap.replica_name import replica_name
from data_pipeline.bootstrap.storage import Storage
from data_pipeline.bootstrap.weaving import Weaver
from data_pipeline.domain.deliveries import Lane
from data_pipeline.load.projection import FeatureProjection
from data_pipeline.services.accounting_check import AccountingCheck
from data_pipeline.services.compaction import Compaction
from data_pipeline.services.import_expiry import ImportExpiry
from data_pipeline.services.maintenance import Maintenance
from data_pipeline.services.quarantine_expiry import QuarantineExpiry
from data_pipeline.services.retention import RemovalExpiry, Retention, Sweep
from data_pipeline.services.sole_upkeep import SoleUpkeep
from data_pipeline.services.upload_sweep import UploadSweep
from data_pipeline.settings import Settings
from instrumentation.telemetry import Telemetry


async def open_upkeep(
    settings: Settings,
    telemetry: Telemetry,
    stack: AsyncExitStack,
    storage: Storage,
    projection: FeatureProjection,
    now_ms: Callable[[], int],
) -> AccountingCheck:
    """Start the jobs, in one replica at a time; `stack` ends them.

    The check of the books is for health to ask.
    """

    async def followed() -> Mapping[Lane, int]:
        return {lane: await projection.applied(lane) for lane in Lane}

    books = BooksTelemetry(telemetry.metrics)
    check = AccountingCheck(storage.ledger, storage.quarantine, books.checked)
    jobs = (
        Compaction(storage.chunks, followed, now_ms),
        Retention(storage.chunks, followed, settings.event_retention_days, now_ms),
        RemovalExpiry(storage.removed_ids, settings.deduplication_days, now_ms),
        Sweep(storage.chunks, now_ms),
        ImportExpiry(
            storage.import_book, storage.import_queue, storage.erased, storage.spool, now_ms
        ),
        UploadSweep(partial(remove_abandoned_uploads, settings.objects())),
        QuarantineExpiry(storage.quarantine_exits, settings.quarantine_days, books.expired, now_ms),
        check,
    )
    observer = MaintenanceTelemetry(telemetry.metrics, telemetry.tracing)
    maintenance = Maintenance(jobs, observer)

    def ended() -> None:
        check.forget()
        observer.ended()

    # What claims it on a shared database has nobody to agree with on SQLite.
    if storage.engine.dialect.name == "sqlite":
        observer.began()
        work = maintenance.work
    else:
        observer.ended()
        replica = replica_name(storage.engine)
        claims = Weaver(telemetry).store(
            SqlUpkeepClaims(storage.engine), "upkeep_claims", recurring=("look", "renew")
        )
        work = SoleUpkeep(claims, replica, maintenance.work, observer.began, ended).work
    await stack.enter_async_context(in_background(work, "maintenance"))
    return check
