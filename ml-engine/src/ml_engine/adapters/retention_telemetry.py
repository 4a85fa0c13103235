"""Removed models as spans, metrics and log lines."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

from instrumentation.context import RequestContext, bind, reset
from instrumentation.metrics import Metrics
from instrumentation.tracing import Tracing

_logger = logging.getLogger(__name__)


class RetentionTelemetry:
    """Observes removals; each is a trace of its own."""

    def __init__(self, metrics: Metrics, tracing: Tracing) -> None:
        self._metrics = metrics
        self._tracing = tracing

    @contextmanager
    def removal(self, tenant_id: str, version: str) -> Generator[None]:
        """A span around a removal, then a line and a count."""
        token = bind(RequestContext(tenant_id=tenant_id))
        try:
            with self._tracing.span("model_removal", {"model_version": version}):
                yield
                self._metrics.inc("models_removed_total", tenant_id=tenant_id)
                fields = {"category": "ml", "model_version": version}
                _logger.info("model %s removed: newer ones are kept", version, extra=fields)
        finally:
            reset(token)
