"""The health checks, which stand before the ports that they ask are open."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

from backends.ports import PortUnavailable
from data_pipeline.settings import Settings
from instrumentation.health import HealthCheck

Ping = Callable[[], Awaitable[str | None]]

_NEEDED: Final = (
    "database",
    "event_log",
    "catalogue",
    "user_store",
    "feature_store",
    "feature_projection",
)
_USEFUL: Final = ("object_store", "import_spool", "imports", "accounting")
_KAFKA: Final = "kafka"


class Readiness:
    """The service's checks.

    Without the object store, the imports' folder or Kafka, with imports that wait and with books
    that differ it is degraded, and still takes events in.
    """

    def __init__(self, settings: Settings) -> None:
        self._others = [*_USEFUL, *([_KAFKA] if settings.kafka_bootstrap_servers else [])]
        self._pings: Mapping[str, Ping] = {}

    def checks(self) -> Sequence[HealthCheck]:
        """All checks."""
        needed = [HealthCheck(name, partial(self._ping, name)) for name in _NEEDED]
        others = [HealthCheck(one, partial(self._ping, one), ready=False) for one in self._others]
        return [*needed, *others]

    def open(self, pings: Mapping[str, Ping]) -> None:
        """The ports are open: these are their pings, by the names of the checks."""
        self._pings = pings

    async def _ping(self, name: str) -> str | None:
        if name not in self._pings:
            raise PortUnavailable("the service has not started")
        return await self._pings[name]()
