"""Events one by one, sent in batches by a thread."""

import atexit
import logging
import threading
import time

from contracts.events import BatchResult, Event
from recommender_client.calls import Call
from recommender_client.errors import BufferFull, NotDelivered
from recommender_client.event_backlog import Backlog, BufferLimits, Delivered, tell
from recommender_client.runners import SyncRunner

_logger = logging.getLogger("recommender_client")


class EventBuffer:
    """Takes events from any thread and sends them in batches, in the order they came.

    A batch goes out when `max_events` are here, or the oldest has been here for `max_seconds`.
    While the recommender is away or refuses for a while, the same batch is tried again, and
    `add` waits once `capacity` events are here: memory is bounded, and nothing is dropped. What
    sending again cannot help, such as a revoked key, is raised by the next `add` and by `close`.
    """

    def __init__(self, runner: SyncRunner, limits: BufferLimits) -> None:
        self._runner = runner
        self._backlog = Backlog(limits, runner.connection.retries)
        self._changed = threading.Condition()
        self._closing = False
        self._abandoned = False
        self._thread = threading.Thread(
            target=self._deliver, name="recommender-events", daemon=True
        )
        self._thread.start()
        atexit.register(self._close_at_exit)

    @property
    def pending(self) -> int:
        """Events that are not confirmed yet."""
        with self._changed:
            return self._backlog.added - self._backlog.settled

    @property
    def delivered(self) -> Delivered:
        """What became of the events so far."""
        with self._changed:
            return self._backlog.delivered

    def add(self, event: Event, *, timeout_seconds: float | None = None) -> None:
        """Take an event (`new_event` makes one); waits while the buffer is full.

        Raises:
            BufferFull: there was no room within `timeout_seconds`.
            NotDelivered: sending has failed for good; `events` are all that are left.
            RuntimeError: the buffer is closed.
        """
        with self._changed:
            if not self._changed.wait_for(self._has_room_or_ended, timeout_seconds):
                raise BufferFull(f"no room for an event within {timeout_seconds:g} s")
            if self._closing:
                raise RuntimeError("the event buffer is closed")
            self._raise_failure()
            if self._backlog.put(event, time.monotonic()):
                self._changed.notify_all()

    def flush(self, timeout_seconds: float | None = None) -> None:
        """Send what is here now, and wait until it has arrived.

        Raises:
            NotDelivered: it has not within the given time, or sending has failed for good. What
                has not arrived stays in the buffer.
        """
        with self._changed:
            wanted = self._backlog.want_all()
            self._changed.notify_all()
            arrived = self._changed.wait_for(
                lambda: self._backlog.settled >= wanted or self._ended(), timeout_seconds
            )
            left = self._backlog.undelivered()
            if left is not None and (not arrived or self._backlog.settled < wanted):
                raise left

    def close(self, timeout_seconds: float | None = None) -> Delivered:
        """Send what is left, end the thread, and say what became of all events.

        It takes `timeout_seconds` at most, or `close_seconds` of the buffer.

        Raises:
            NotDelivered: events that were not confirmed in time.
        """
        with self._changed:
            self._closing = True
            self._backlog.want_all()
            self._backlog.hurry()
            self._changed.notify_all()
        limit = self._backlog.limits.close_seconds if timeout_seconds is None else timeout_seconds
        self._thread.join(0 if self._abandoned else limit)
        atexit.unregister(self._close_at_exit)
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()
            left = self._backlog.undelivered()
            if left is not None:
                raise left
            return self._backlog.delivered

    def __enter__(self) -> "EventBuffer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _deliver(self) -> None:
        while (call := self._next_call()) is not None:
            try:
                result = self._runner.run_once(call)
            except Exception as error:  # noqa: BLE001, RUF100 - whatever it is, it is told
                self._settle(error)
            else:
                self._settle(result)

    def _next_call(self) -> Call[BatchResult] | None:
        with self._changed:
            while not self._ended():
                due = self._backlog.due_in(time.monotonic())
                if due is not None and due <= 0:
                    return self._backlog.begin()
                if due is None and self._closing:
                    return None
                self._changed.wait(due)
            return None

    def _settle(self, outcome: BatchResult | Exception) -> None:
        with self._changed:
            if isinstance(outcome, Exception):
                rejections = self._backlog.failed(outcome, time.monotonic())
            else:
                rejections = self._backlog.succeeded(outcome)
            self._changed.notify_all()
        tell(self._backlog.limits, rejections)

    def _ended(self) -> bool:
        return self._abandoned or self._backlog.failure is not None

    def _has_room_or_ended(self) -> bool:
        return self._backlog.has_room or self._closing or self._ended()

    def _raise_failure(self) -> None:
        if self._backlog.failure is not None:
            raise self._backlog.undelivered() or NotDelivered((), self._backlog.failure)

    def _close_at_exit(self) -> None:
        # The interpreter ends and nobody has closed the buffer: send, or say what is lost.
        try:
            self.close()
        except NotDelivered as error:
            _logger.critical("the process ends with events that were not sent: %s", error)
