"""What the exports of spans and logs share: who sends, what became of it, an end in good time."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, Generic, Protocol, TypeVar

from opentelemetry.sdk.resources import Resource

from instrumentation.metrics import Metrics
from instrumentation.settings import ServiceSettings

EXPORT_TIMEOUT_SECONDS: Final = 5.0
BATCH_DELAY_MILLISECONDS: Final = 1000.0
QUEUE_SIZE: Final = 2048
QUEUE_LOGGER: Final = "opentelemetry.sdk._shared_internal"
_CLOSE_TIMEOUT_SECONDS: Final = 2.0
_ABORT_TIMEOUT_SECONDS: Final = 0.5
_QUIET_SECONDS: Final = 60.0

Record_contra = TypeVar("Record_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class OncePerMinute(logging.Filter):
    """Lets one record pass per minute: a collector that is away must not fill the log."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a minute has passed since the last record."""
        if record.levelno < logging.WARNING:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                return False
            self._next = now + _QUIET_SECONDS
            return True


class ExportBook:
    """What became of the records of one signal, "traces" or "logs": waiting, exported or dropped.

    The SDK's queue takes each record and drops its oldest one where it is full; it does not say
    so, but what went in and what came out is known here. Between the moment in which the SDK takes
    a batch out and that in which the exporter has it, a record may count as dropped that was not.
    """

    def __init__(self, signal: str, metrics: Metrics | None) -> None:
        self._signal = signal
        self._metrics = metrics
        self._waiting = 0
        self._lock = threading.Lock()
        if metrics is None:
            return
        metrics.gauge("telemetry_queue_size").labels(signal).set_function(
            lambda: float(self._waiting)
        )
        # An increase is seen only of a series that was there before.
        metrics.inc("telemetry_exported_total", 0, signal=signal)
        metrics.inc("telemetry_export_failures_total", 0, signal=signal)
        for reason in ("queue_full", "export_failed"):
            metrics.inc("telemetry_dropped_total", 0, signal=signal, reason=reason)

    def added(self) -> None:
        """A record goes into the queue."""
        with self._lock:
            is_full = self._waiting >= QUEUE_SIZE
            if not is_full:
                self._waiting += 1
        if is_full:
            self._count("telemetry_dropped_total", 1, reason="queue_full")

    def taken(self, count: int) -> None:
        """A batch of records comes out of the queue."""
        with self._lock:
            self._waiting = max(0, self._waiting - count)

    def ended(self, count: int, *, succeeded: bool) -> None:
        """The batch is with the collector, or lost."""
        if succeeded:
            self._count("telemetry_exported_total", count)
            return
        self._count("telemetry_export_failures_total", 1)
        self._count("telemetry_dropped_total", count, reason="export_failed")

    def _count(self, name: str, amount: int, **labels: str) -> None:
        if self._metrics is not None:
            self._metrics.inc(name, amount, signal=self._signal, **labels)


class Exporter(Protocol[Record_contra, Result_co]):
    """What the SDK's exporters of spans and of log records have in common."""

    def export(self, batch: Sequence[Record_contra], /) -> Result_co:
        """Send a batch; what became of it."""
        ...

    def shutdown(self) -> None:
        """Give up what is being sent, and send no more."""
        ...

    def force_flush(self, timeout_millis: int = ...) -> bool:
        """Send what is held back; whether that was done in time."""
        ...


class CountingExporter(Generic[Record_contra, Result_co]):
    """Counts what comes out of the queue, and what becomes of it; `success` is the good result."""

    def __init__(
        self, exporter: Exporter[Record_contra, Result_co], success: Result_co, book: ExportBook
    ) -> None:
        self._exporter = exporter
        self._success = success
        self._book = book

    def export(self, batch: Sequence[Record_contra]) -> Result_co:
        """Send a batch, and enter it in the book, however this ends."""
        self._book.taken(len(batch))
        succeeded = False
        try:
            result = self._exporter.export(batch)
            succeeded = result is self._success
        finally:
            self._book.ended(len(batch), succeeded=succeeded)
        return result

    def shutdown(self) -> None:
        """As the exporter does."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """As the exporter does."""
        return self._exporter.force_flush(timeout_millis)


class Closing:
    """Ends an export once: sends what is queued, and gives up after 2.5 seconds.

    `shut_down` sends and ends, and may wait for long; `abort` makes it give up. The loggers of the
    export, `quiet`, say one thing a minute until then.
    """

    def __init__(
        self, shut_down: Callable[[], object], abort: Callable[[], object], *quiet: str
    ) -> None:
        self._shut_down = shut_down
        self._abort = abort
        self._quiet = quiet
        self._filter = OncePerMinute()
        self._closed = threading.Event()
        for name in quiet:
            logging.getLogger(name).addFilter(self._filter)

    def close(self) -> None:
        """Send what is queued; give up after 2.5 seconds where the collector is away."""
        if self._closed.is_set():
            return
        self._closed.set()
        # The SDK itself would wait for 30 s, so the wait is done beside it.
        worker = threading.Thread(target=self._shut_down, daemon=True)
        worker.start()
        worker.join(_CLOSE_TIMEOUT_SECONDS)
        if worker.is_alive():
            self._abort()
            worker.join(_ABORT_TIMEOUT_SECONDS)
        if worker.is_alive():
            return  # it may still complain of the absent collector: the filter stays
        for name in self._quiet:
            logging.getLogger(name).removeFilter(self._filter)


def resource_of(settings: ServiceSettings) -> Resource:
    """Who sends: the same for traces and logs, and one instance for each process."""
    return Resource.create(
        {
            "service.name": settings.service_name,
            "service.version": settings.service_version,
            "service.instance.id": _instance_id(),
            "deployment.environment.name": settings.environment,
        }
    )


def signal_url(settings: ServiceSettings, signal: str) -> str:
    """Where the collector takes `traces` or `logs`."""
    return f"{str(settings.otlp_endpoint).rstrip('/')}/v1/{signal}"


@cache
def _instance_id() -> str:
    return str(uuid.uuid4())
