"""How fast the stack's clocks run: as configured, or so fast that a test need not wait."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_RANGE: Final = re.compile(r"\[(?:\d+(?:ms|[smhdwy]))+(:[^\]]*)?\]")
_OFFSET: Final = re.compile(r"\boffset (?:\d+(?:ms|[smhdwy]))+")


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds in place of the configured ones; None leaves what is configured.

    `interval` is that of scrapes and evaluations, `hold` the longest that an alert waits before it
    fires (`for`), `window` the range of every range selector and every offset, `group`
    Alertmanager's waits and how often Prometheus tells it of an alert again. `jobs` has the
    interval of those whose scrape takes longer.
    """

    interval: float | None = None
    hold: float | None = None
    window: float | None = None
    group: float | None = None
    mute_times: bool = True
    jobs: Mapping[str, float] = field(default_factory=dict[str, float])

    def scrapes(self, document: dict[str, Any]) -> None:
        """Set the intervals of a Prometheus configuration."""
        if self.interval is None:
            return
        seconds = duration(self.interval)
        document["global"] |= {"scrape_interval": seconds, "evaluation_interval": seconds}
        document["global"]["scrape_timeout"] = seconds
        for job in document["scrape_configs"]:
            for key in ("scrape_interval", "scrape_timeout"):
                job.pop(key, None)
                if job["job_name"] in self.jobs:
                    job[key] = duration(self.jobs[job["job_name"]])

    def flags(self) -> list[str]:
        """The flags of Prometheus that set what its files do not."""
        if self.group is None:
            return []
        return [f"--rules.alert.resend-delay={duration(self.group)}"]

    def rules(self, document: dict[str, Any]) -> None:
        """Set the intervals, waits and windows of a file of rules."""
        for group in document["groups"]:
            if self.interval is not None:
                group.pop("interval", None)
            for rule in group["rules"]:
                self._rule(rule)

    def _rule(self, rule: dict[str, Any]) -> None:
        if self.hold is not None:
            for key in {"for", "keep_firing_for"} & rule.keys():
                rule[key] = duration(self.hold)
        if self.window is not None:
            seconds = duration(self.window)
            expression = _RANGE.sub(rf"[{seconds}\1]", str(rule["expr"]))
            rule["expr"] = _OFFSET.sub(f"offset {seconds}", expression)

    def routes(self, route: dict[str, Any]) -> None:
        """Set the waits of an Alertmanager route and of those below it."""
        if self.group is not None:
            for key in {"group_wait", "group_interval", "repeat_interval"} & route.keys():
                route[key] = duration(self.group)
        if not self.mute_times:
            route.pop("mute_time_intervals", None)
        for child in route.get("routes", []):
            self.routes(child)


def duration(seconds: float) -> str:
    """Seconds as Prometheus writes a duration, to the millisecond."""
    return f"{round(seconds * 1000)}ms"
