"""What retrieval is like over time, beside single requests: freshness and recall."""

import asyncio
import logging
from collections import deque
from typing import Final

from instrumentation.errors import count_error
from instrumentation.metrics import Metrics
from ml_engine.retrieval.freshness import Freshness
from ml_engine.retrieval.recall import SearchSampler

LOOK_SECONDS: Final = 60.0
SEARCHES: Final = 100
"""Of how many searches of a tenant the recall is a mean."""
_logger = logging.getLogger(__name__)


class RetrievalTelemetry:
    """Looks and measures beside the requests, until cancelled."""

    def __init__(self, metrics: Metrics, freshness: Freshness, sampler: SearchSampler) -> None:
        self._metrics = metrics
        self._freshness = freshness
        self._sampler = sampler
        self._recalls: dict[str, deque[float]] = {}
        gauge = metrics.gauge("embedding_cache_age_seconds")
        gauge.set_function(lambda: freshness.age_seconds)

    async def watch_vectors(self) -> None:
        """Look once a minute whether the vectors in memory are the newest."""
        while True:
            try:
                await self._freshness.look()
            except Exception as error:
                count_error(self._metrics, error)
                _logger.exception(
                    "comparing the vectors with the newest failed and is tried again",
                    extra={"category": "ml"},
                )
            await asyncio.sleep(LOOK_SECONDS)

    async def watch_searches(self) -> None:
        """Measure the recall of live searches as they come."""
        while True:
            tenant_id, recall = await self._sampler.measure()
            # The tenants beyond the bound have one mean.
            label = self._metrics.bounded_tenant(tenant_id)
            recalls = self._recalls.setdefault(label, deque(maxlen=SEARCHES))
            recalls.append(recall)
            self._metrics.set("ann_recall", sum(recalls) / len(recalls), tenant_id=label)
