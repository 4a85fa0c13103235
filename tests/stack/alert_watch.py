"""Watches one alert on its way: when it fires, whom Alertmanager tells, when it is over."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final

from stack.programs import Stack
from stack.programs.receivers import Notification

PATIENCE_SECONDS: Final = 150.0
LOOK_SECONDS: Final = 0.1
NOBODY: Final[frozenset[str]] = frozenset()
TOLD: Final[Mapping[str, frozenset[str]]] = {
    "critical": frozenset({"pagerduty critical-alerts", "slack critical-alerts"}),
    "warning": frozenset({"slack engineering-alerts"}),
    "info": NOBODY,
}


@dataclass(slots=True)
class Watched:
    """What became of one alert of a service; seconds are from the fault and from its repair.

    One that does not settle may go on for another reason than the fault.
    """

    alert: str
    service: str
    inhibited: bool
    settles: bool = True
    detected: float = 0.0
    wanted: frozenset[str] = NOBODY
    receivers: frozenset[str] = NOBODY
    resolved: float = 0.0

    def __str__(self) -> str:
        receivers = ", ".join(sorted(self.receivers)) or (
            "nobody: inhibited" if self.inhibited else "nobody"
        )
        alert = f"| {self.alert} | {self.service} | {self.detected:.0f} s"
        resolved = f"{self.resolved:.0f} s" if self.resolved else "-"
        return f"{alert} | {receivers} | {resolved} |"


class Watch:
    """The alerts of one fault, from its beginning."""

    def __init__(self, stack: Stack, *watched: Watched) -> None:
        self._stack = stack
        self.watched = watched
        self._first = len(stack.receivers.notifications())
        self._began = self._mended = time.monotonic()

    def until_told(self) -> None:
        """Wait until each fires in Prometheus and has come to all its receivers, and no others."""
        self._until(self._told)
        for one in self.watched:
            assert one.receivers == one.wanted, one

    def mended(self) -> None:
        """Say that the repair begins now."""
        self._mended = time.monotonic()

    def until_resolved(self) -> None:
        """Wait until none fires any more, and those who were told know it."""
        self._until(lambda one: self._resolved(one) or not one.settles)

    def _until(self, step: Callable[[Watched], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while waiting := [one for one in self.watched if not step(one)]:
            assert time.monotonic() < deadline, f"still waiting for {waiting}"
            time.sleep(LOOK_SECONDS)

    def _told(self, one: Watched) -> bool:
        firing = self._firing(one)
        if not firing:
            return False
        one.detected = one.detected or time.monotonic() - self._began
        one.wanted = NOBODY if one.inhibited else TOLD[firing[0]["severity"]]
        if one.inhibited:
            # It may have been told before what inhibits it fired.
            return self._states(one) == {"suppressed"}
        one.receivers = self._receivers(one, "FIRING", "trigger")
        return self._states(one) == {"active"} and one.wanted <= one.receivers

    def _resolved(self, one: Watched) -> bool:
        told = self._receivers(one, "RESOLVED", "resolve")
        if self._firing(one) or not one.receivers <= told:
            return False
        one.resolved = one.resolved or time.monotonic() - self._mended
        return True

    def _firing(self, one: Watched) -> list[dict[str, str]]:
        found = self._stack.prometheus.firing(one.alert)
        return [labels for labels in found if labels.get("service") == one.service]

    def _states(self, one: Watched) -> set[str]:
        return {
            alert["status"]["state"]
            for alert in self._stack.alertmanager.alerts()
            if alert["labels"]["alertname"] == one.alert
            and alert["labels"].get("service") == one.service
        }

    def _receivers(self, one: Watched, status: str, action: str) -> frozenset[str]:
        name = f"{one.service}: {one.alert} in test"
        return frozenset(
            f"{note.kind} {note.receiver}"
            for note in self._stack.receivers.notifications()[self._first :]
            if is_of(note, name, status, action)
        )


def is_of(note: Notification, name: str, status: str, action: str) -> bool:
    """Whether a notification says this of an alert, in Slack's words or in PagerDuty's."""
    if note.kind == "slack":
        title = note.body["attachments"][0]["title"]
        return title.startswith(f"[{status}") and title.endswith(f"] {name}")
    if note.kind == "pagerduty":
        summary = note.body["payload"]["summary"]
        return note.body["event_action"] == action and summary.startswith(f"{name}: ")
    return False


@contextmanager
def called(*calls: Callable[[], object]) -> Generator[None]:
    """Each call is made again and again, beside the block; what it raises is raised at its end."""
    finished = Event()
    raised: list[Exception] = []

    def repeat(call: Callable[[], object]) -> None:
        while not finished.is_set():
            try:
                call()
            except Exception as error:
                raised.append(error)
                return
            time.sleep(0.05)

    threads = [Thread(target=repeat, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        finished.set()
        for thread in threads:
            thread.join()
    if raised:
        raise ExceptionGroup("callers failed", raised)
