"""How spans and log records leave the process: in batches, from a thread, never waited for."""

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, Final, Generic, TypeVar

import urllib3

from instrumentation.metrics import Metrics
from instrumentation.settings import ServiceSettings, parse_headers

QUEUE_SIZE: Final = 2048
_BATCH_SIZE: Final = 512
_BATCH_DELAY_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 5.0
_FIRST_PAUSE_SECONDS: Final = 0.2
_CLOSE_SECONDS: Final = 2.5
_QUIET_SECONDS: Final = 60.0
_PASSING: Final = (429, 502, 503, 504)
_REFUSED: Final = 300

Record = TypeVar("Record")
_logger = logging.getLogger(__name__)


class NotDelivered(Exception):
    """A batch was not taken; the message says why in a few words.

    `passing` tells whether the same batch may be taken later.
    """

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


class Export(Generic[Record]):
    """The records of one signal, "traces" or "logs": a bounded queue, and a thread that empties it.

    `deliver` takes a batch or raises `NotDelivered`; it is tried for five seconds. A full queue
    drops its oldest record. `metrics` count what waits, what went out and what was lost, and a
    log line a minute at most tells of failures.
    """

    def __init__(
        self, signal: str, deliver: Callable[[Sequence[Record]], None], metrics: Metrics | None
    ) -> None:
        self._signal = signal
        self._deliver = deliver
        self._metrics = metrics
        self._waiting: deque[Record] = deque()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._closed = False
        self._next_complaint = 0.0
        if metrics is not None:
            size = metrics.gauge("telemetry_queue_size").labels(signal)
            size.set_function(lambda: float(len(self._waiting)))
            # An increase is seen only of a series that was there before.
            metrics.inc("telemetry_exported_total", 0, signal=signal)
            metrics.inc("telemetry_export_failures_total", 0, signal=signal)
            for reason in ("queue_full", "export_failed"):
                metrics.inc("telemetry_dropped_total", 0, signal=signal, reason=reason)
        self._thread = threading.Thread(target=self._run, name=f"export-{signal}", daemon=True)
        self._thread.start()

    def add(self, record: Record) -> None:
        """Queue a record, from any thread; never waits. After `close` it is ignored."""
        if self._closed:
            return
        # Each step of a deque is whole in any thread, so no lock is needed.
        self._waiting.append(record)
        waiting = len(self._waiting)
        if waiting == _BATCH_SIZE:
            self._wake.set()
        elif waiting > QUEUE_SIZE:
            self._drop_oldest()

    def close(self) -> None:
        """Send what is queued; give up after 2.5 seconds where nobody takes it."""
        self._closed = True
        self._closing.set()
        self._wake.set()
        self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(_BATCH_DELAY_SECONDS)
            self._wake.clear()
            self._empty()

    def _empty(self) -> None:
        """Send what waits. What comes meanwhile waits for more, or each batch would be of a few."""
        while batch := self._take():
            self._send(batch)
            if len(batch) < _BATCH_SIZE and not self._closing.is_set():
                return

    def _take(self) -> Sequence[Record]:
        batch: list[Record] = []
        with suppress(IndexError):
            while len(batch) < _BATCH_SIZE:
                batch.append(self._waiting.popleft())
        return batch

    def _drop_oldest(self) -> None:
        with suppress(IndexError):
            self._waiting.popleft()
            self._count("telemetry_dropped_total", 1, reason="queue_full")

    def _send(self, batch: Sequence[Record]) -> None:
        pause = _FIRST_PAUSE_SECONDS
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                self._deliver(batch)
            except NotDelivered as error:
                hopeless = not error.passing or time.monotonic() + pause > until
                if hopeless or self._closing.wait(pause):
                    self._count("telemetry_export_failures_total", 1)
                    self._count("telemetry_dropped_total", len(batch), reason="export_failed")
                    self._complain(error)
                    return
                pause *= 2
            else:
                self._count("telemetry_exported_total", len(batch))
                return

    def _complain(self, error: NotDelivered) -> None:
        # A collector that is away must not fill the log.
        now = time.monotonic()
        if now >= self._next_complaint:
            self._next_complaint = now + _QUIET_SECONDS
            _logger.warning("%s are lost: the collector %s", self._signal, error)

    def _count(self, name: str, amount: int, **labels: str) -> None:
        if self._metrics is not None:
            self._metrics.inc(name, amount, signal=self._signal, **labels)


class Collector:
    """The `traces` or `logs` end of an OTLP/HTTP collector; one thread uses it."""

    def __init__(self, settings: ServiceSettings, signal: str) -> None:
        self._url = f"{str(settings.otlp_endpoint).rstrip('/')}/v1/{signal}"
        self._pool = urllib3.PoolManager(
            maxsize=1,
            timeout=_PATIENCE_SECONDS,
            retries=False,
            headers={
                **parse_headers(settings.otlp_headers.get_secret_value()),
                "content-type": "application/json",
            },
        )

    def take(self, body: bytes) -> None:
        """Send a request. Raises `NotDelivered`."""
        try:
            answer = self._pool.request("POST", self._url, body=body)
        except urllib3.exceptions.HTTPError as error:
            raise NotDelivered(f"is away ({type(error).__name__})", passing=True) from error
        if answer.status >= _REFUSED:
            raise NotDelivered(f"answered {answer.status}", passing=answer.status in _PASSING)


def resource_of(settings: ServiceSettings) -> Mapping[str, Any]:
    """Who sends: the same for traces and logs, and one instance for each process."""
    return {
        "telemetry.sdk.language": "python",
        "service.name": settings.service_name,
        "service.version": settings.service_version,
        "service.instance.id": _instance_id(),
        "deployment.environment.name": settings.environment,
    }


@cache
def _instance_id() -> str:
    return str(uuid.uuid4())
