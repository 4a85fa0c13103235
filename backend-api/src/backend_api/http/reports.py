"""What the service tells of its business: metrics, and one log line per answer."""

import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from backend_api.domain.recommendations import ServedRecommendations
from contracts.events import BatchResult
from instrumentation.metrics import Metrics

_BUSINESS: Final = "business"
_recommendations = logging.getLogger("backend_api.recommendations")
_events = logging.getLogger("backend_api.events")


class Reports:
    """Counts and logs; tenant, user and trace come into the log lines from the context."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    @contextmanager
    def timing_recommendation(self) -> Generator[None]:
        """Observe how long a recommendation takes, failed ones too."""
        started = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - started
            self._metrics.observe("recommendation_latency_seconds", seconds)

    def recommended(self, tenant_id: str, served: ServedRecommendations) -> None:
        """A recommendation goes to its caller."""
        self._metrics.inc(
            "recommendations_served_total",
            len(served.items),
            tenant_id=tenant_id,
            model_version=served.model_version,
            algorithm=served.algorithm,
        )
        _recommendations.info(
            "recommendation served",
            extra={
                "category": _BUSINESS,
                "recommendation_id": served.recommendation_id,
                "model_version": served.model_version,
                "algorithm": served.algorithm,
                "items": len(served.items),
            },
        )

    def received(self, result: BatchResult) -> None:
        """A batch of events is stored."""
        _events.info(
            "events received",
            extra={
                "category": _BUSINESS,
                "accepted": result.accepted,
                "duplicates": result.duplicates,
                "rejected": len(result.rejected),
            },
        )
