"""Events one by one, sent in batches by a task."""

import time

import anyio
from anyio.abc import TaskGroup

from contracts.events import BatchResult, Event
from recommender_client.calls import Call
from recommender_client.errors import BufferFull, NotDelivered
from recommender_client.event_backlog import Backlog, BufferLimits, Delivered, tell
from recommender_client.runners import AsyncRunner


class AsyncEventBuffer:
    """Takes events from any task and sends them in batches, in the order they came.

    To be used by `async with`: leaving the block sends what is left, also where the task is
    cancelled. A batch goes out when `max_events` are here, or the oldest has been here for
    `max_seconds`. While the recommender is away or refuses for a while, the same batch is tried
    again, and `add` waits once `capacity` events are here: memory is bounded, and nothing is
    dropped. What sending again cannot help, such as a revoked key, is raised by the next `add`
    and at the end of the block.
    """

    def __init__(self, runner: AsyncRunner, limits: BufferLimits) -> None:
        self._runner = runner
        self._backlog = Backlog(limits, runner.connection.retries)
        self._changed = anyio.Condition()
        self._closing = False
        self._given_up = False
        self._tasks: TaskGroup | None = None
        self._task_ended = anyio.Event()

    @property
    def pending(self) -> int:
        """Events that are not confirmed yet."""
        return self._backlog.added - self._backlog.settled

    @property
    def delivered(self) -> Delivered:
        """What became of the events so far."""
        return self._backlog.delivered

    async def add(self, event: Event, *, timeout_seconds: float | None = None) -> None:
        """Take an event (`new_event` makes one); waits while the buffer is full.

        Raises:
            BufferFull: there was no room within `timeout_seconds`.
            NotDelivered: sending has failed for good; `events` are all that are left.
            RuntimeError: the buffer is closed, or its block was not entered.
        """
        if not self._backlog.has_room:
            await self._wait_for_room(timeout_seconds)
        if self._tasks is None or self._closing:
            raise RuntimeError("the event buffer is closed: use it inside of `async with`")
        if self._backlog.failure is not None:
            raise self._backlog.undelivered() or NotDelivered((), self._backlog.failure)
        if not self._backlog.has_room:
            raise BufferFull(f"no room for an event within {timeout_seconds or 0:g} s")
        # No task comes between: up to here and on to the next line nothing is awaited.
        if self._backlog.put(event, time.monotonic()):
            await self._notify()

    async def flush(self, timeout_seconds: float | None = None) -> None:
        """Send what is here now, and wait until it has arrived.

        Raises:
            NotDelivered: it has not within the given time, or sending has failed for good. What
                has not arrived stays in the buffer.
        """
        async with self._changed:
            wanted = self._backlog.want_all()
            self._changed.notify_all()
            with anyio.move_on_after(timeout_seconds):
                while self._backlog.settled < wanted and not self._ended():
                    await self._changed.wait()
            left = self._backlog.undelivered()
            if left is not None and self._backlog.settled < wanted:
                raise left

    async def close(self, timeout_seconds: float | None = None) -> Delivered:
        """Send what is left, and say what became of all events.

        It takes `timeout_seconds` at most, or `close_seconds` of the buffer.

        Raises:
            NotDelivered: events that were not confirmed in time.
        """
        self._closing = True
        self._backlog.want_all()
        self._backlog.hurry()
        # Shielded: a task that is cancelled still gets its events delivered.
        limit = self._backlog.limits.close_seconds if timeout_seconds is None else timeout_seconds
        with anyio.move_on_after(0 if self._given_up else limit, shield=True) as limited:
            await self._notify()
            if self._tasks is not None:
                await self._task_ended.wait()
            # The task was cancelled together with the one that closes.
            await self._deliver()
        self._given_up = self._given_up or limited.cancelled_caught
        left = self._backlog.undelivered()
        if left is not None:
            raise left
        return self._backlog.delivered

    async def __aenter__(self) -> "AsyncEventBuffer":
        tasks = anyio.create_task_group()
        await tasks.__aenter__()
        self._tasks = tasks
        tasks.start_soon(self._run)
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.close()
        finally:
            if self._tasks is not None:
                self._tasks.cancel_scope.cancel()
                # Without the block's own exception, which would come back in a group.
                await self._tasks.__aexit__(None, None, None)

    async def _run(self) -> None:
        try:
            await self._deliver()
        finally:
            self._task_ended.set()

    async def _deliver(self) -> None:
        while (call := await self._next_call()) is not None:
            try:
                result = await self._runner.run_once(call)
            except Exception as error:  # noqa: BLE001, RUF100 - whatever it is, it is told
                await self._settle(error)
            else:
                await self._settle(result)

    async def _next_call(self) -> Call[BatchResult] | None:
        async with self._changed:
            while self._backlog.failure is None:
                due = self._backlog.due_in(time.monotonic())
                if due is not None and due <= 0:
                    return self._backlog.begin()
                if due is None and self._closing:
                    return None
                with anyio.move_on_after(due):
                    await self._changed.wait()
            return None

    async def _settle(self, outcome: BatchResult | Exception) -> None:
        if isinstance(outcome, Exception):
            rejections = self._backlog.failed(outcome, time.monotonic())
        else:
            rejections = self._backlog.succeeded(outcome)
        tell(self._backlog.limits, rejections)
        await self._notify()

    async def _wait_for_room(self, timeout_seconds: float | None) -> None:
        with anyio.move_on_after(timeout_seconds):
            async with self._changed:
                while not (self._backlog.has_room or self._ended()):
                    await self._changed.wait()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _ended(self) -> bool:
        return self._closing or self._backlog.failure is not None
