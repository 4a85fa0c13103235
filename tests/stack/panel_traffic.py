"""Traffic for the panels: what callers do, and what goes wrong, for as long as is wished."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx2
from tests.e2e.launched import Machine

from recommender_client import new_event

WEB_VITALS = {
    "page": "home",
    "lcp": 1250.5,
    "fcp": 600.0,
    "ttfb": 80.0,
    "inp": 96.0,
    "fid": 12.0,
    "cls": 0.02,
}
TOO_LATE = datetime(2100, 1, 1, tzinfo=UTC)
# Longer than the panels of slow requests ask for.
SLOW_SECONDS = 0.6
Calls = Iterator[Callable[[int], object]]


class Traffic:
    """Callers of a running launcher; every kind of call comes by in turn."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._client = machine.client()
        key = machine.access()["DEMO_API_KEY"]
        self._http = httpx2.Client(
            base_url=machine.url("backend-api"),
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        )

    def run(self, seconds: float) -> None:
        """Call until the time is over; in its last third ml-engine is away for a while."""
        calls = itertools.cycle(self._calls())
        until = time.monotonic() + seconds
        self._train()
        self._slow_event()
        faulty = until - seconds / 3
        while time.monotonic() < faulty:
            self._call(next(calls))
        self._pause_ml_engine(calls, min(10.0, seconds / 6))
        while time.monotonic() < until:
            self._call(next(calls))

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
        self._http.close()

    def _calls(self) -> list[Callable[[int], object]]:
        return [
            lambda n: self._client.recommendations.for_user(f"u{n % 100}"),
            lambda n: self._client.recommendations.for_history([f"i{n % 50}"]),
            lambda n: self._client.events.send([new_event(f"u{n % 100}", f"i{n % 50}", "click")]),
            self._click,
            self._refused_event,
            lambda n: self._http.get(f"/unknown/{n}"),
            lambda _: self._http.post("/api/v1/metrics/report", json=WEB_VITALS),
            lambda _: self._http.get("/api/v1/usage", headers={"Authorization": "Bearer wrong"}),
            lambda _: self._http.get("/health"),
        ]

    def _call(self, call: Callable[[int], object]) -> None:
        try:
            call(time.monotonic_ns() // 1_000_000)
        except Exception:
            time.sleep(0.01)

    def _click(self, number: int) -> None:
        user = f"u{number % 100}"
        served = self._client.recommendations.for_user(user)
        event = new_event(
            user, served.items[0].item_id, "click", recommendation_id=served.recommendation_id
        )
        self._client.events.send([event])

    def _refused_event(self, _: int) -> None:
        self._client.events.send([new_event("u1", "i1", "view", timestamp=TOO_LATE)])

    def _train(self) -> None:
        self._call(lambda _: self._client.training.start())

    def _slow_event(self) -> None:
        process = self._machine.running.process_of("data-pipeline").pid
        os.kill(process, signal.SIGSTOP)
        wake = threading.Timer(SLOW_SECONDS, os.kill, (process, signal.SIGCONT))
        wake.start()
        try:
            self._client.events.send([new_event("u1", "i1", "view")])
        finally:
            wake.join()

    def _pause_ml_engine(self, calls: Calls, seconds: float) -> None:
        # A process that is stopped takes connections and answers none: the worst kind of outage.
        process = self._machine.running.process_of("ml-engine").pid
        os.kill(process, signal.SIGSTOP)
        try:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                self._call(next(calls))
        finally:
            os.kill(process, signal.SIGCONT)
