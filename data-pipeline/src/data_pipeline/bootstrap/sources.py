"""What brings records: batches, files, a topic of Kafka."""

from collections.abc import Callable
from contextlib import AsyncExitStack

from data_pipeline.adapters.file_sources import ObjectSources
from data_pipeline.adapters.import_telemetry import ImportTelemetry
from data_pipeline.adapters.kafka_events import KafkaEvents
from data_pipeline.adapters.stream_positions import SqlStreamPositions
from data_pipeline.adapters.stream_telemetry import StreamTelemetry
from data_pipeline.bootstrap.background import in_background
from data_pipeline.bootstrap.replica_name import replica_name
from data_pipeline.bootstrap.storage import Storage
from data_pipeline.bootstrap.weaving import Weaver
from data_pipeline.domain.streams import StalePosition
from data_pipeline.services.held_imports import HeldImports
from data_pipeline.services.import_files import ImportFiles
from data_pipeline.services.import_worker import ImportWorker
from data_pipeline.services.imports import Imports
from data_pipeline.services.intake import Intake
from data_pipeline.services.stream import StreamWorker
from data_pipeline.settings import Settings
from instrumentation.telemetry import Telemetry


async def open_imports(
    settings: Settings,
    telemetry: Telemetry,
    stack: AsyncExitStack,
    storage: Storage,
    intake: Intake,
    now_ms: Callable[[], int],
) -> tuple[Imports, ImportWorker]:
    """Start working through files; `stack` ends it."""
    observer = ImportTelemetry(telemetry.metrics, telemetry.tracing)
    stack.callback(observer.close)
    sources = ObjectSources(
        settings.import_bucket_list(), settings.import_folder, settings.max_import_bytes
    )
    replica = replica_name(storage.engine)
    queue, spool = storage.import_queue, storage.spool
    held = HeldImports(storage.import_claims, queue, replica, observer.taken_up)
    files = ImportFiles(spool, settings.imports() / "open", now_ms)
    worker = ImportWorker(held, files, sources, storage.erased, intake, observer, now_ms)
    stack.push_async_callback(worker.close)
    imports = Imports(
        storage.import_book, queue, spool, sources, worker.wake, observer.ended, now_ms
    )
    await stack.enter_async_context(in_background(worker.work, "imports"))
    return imports, worker


async def open_stream(
    settings: Settings,
    telemetry: Telemetry,
    stack: AsyncExitStack,
    storage: Storage,
    intake: Intake,
) -> StreamWorker | None:
    """Start consuming where there is a Kafka; `stack` leaves the group."""
    if not settings.kafka_bootstrap_servers:
        return None
    topic = settings.kafka_events_topic
    weave = Weaver(telemetry).store
    stream = KafkaEvents(
        settings.kafka_bootstrap_servers,
        topic,
        settings.kafka_replica(),
        settings.kafka_session_seconds,
    )
    stack.push_async_callback(stream.close)
    positions = weave(SqlStreamPositions(storage.engine), "stream_positions", StalePosition)
    observer = StreamTelemetry(telemetry.metrics, telemetry.tracing, topic)
    worker = StreamWorker(stream, positions, intake, observer)
    await stack.enter_async_context(in_background(worker.work, "kafka"))
    return worker
