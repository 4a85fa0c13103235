"""How the books stand, as metrics and log lines."""

import logging
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from data_pipeline.domain.accounting import Imbalance
from instrumentation.metrics import Metrics

IMBALANCE: Final = "data_pipeline_accounting_imbalance"
CHECKED: Final = "data_pipeline_accounting_checked_timestamp_seconds"
SIZE: Final = "data_pipeline_quarantine_records"
EXPIRED: Final = "data_pipeline_quarantine_expired_total"

_LOG: Final = logging.getLogger("data_pipeline")


class BooksTelemetry:
    """Tells of every check; a tenant whose figure is zero again keeps its series at zero."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._shown: dict[str, set[str]] = {IMBALANCE: set(), SIZE: set()}

    def checked(self, imbalances: Sequence[Imbalance], sizes: Mapping[str, int]) -> None:
        """Set the gauges, and write a line for each difference."""
        differing = Counter[str]()
        for one in imbalances:
            differing[one.tenant_id] += abs(one.expected - one.found)
            fields = {
                "category": "infrastructure",
                "tenant_id": one.tenant_id,
                "what": one.what,
                "expected": one.expected,
                "found": one.found,
            }
            _LOG.error("the books differ", extra=fields)
        self._show(IMBALANCE, differing, sizes.keys())
        self._show(SIZE, sizes, ())
        self._metrics.set(CHECKED, time.time())

    def expired(self, expired: Mapping[str, int]) -> None:
        """Count the records, and write a line for each tenant."""
        for tenant_id, count in expired.items():
            self._metrics.inc(EXPIRED, count, tenant_id=tenant_id)
            fields = {"category": "business", "tenant_id": tenant_id, "records": count}
            _LOG.info("records expired in quarantine", extra=fields)

    def _show(self, name: str, values: Mapping[str, int], others: Collection[str]) -> None:
        # Tenants beyond the bound share a series: what they have is added up.
        shown = Counter[str]()
        for tenant_id in {*values, *others, *self._shown[name]}:
            shown[self._metrics.bounded_tenant(tenant_id)] += values.get(tenant_id, 0)
        for label, value in shown.items():
            self._metrics.set(name, value, tenant_id=label)
        self._shown[name] = set(shown)
