"""What happened to the quarantine, as metrics and log lines."""

import logging
from collections import Counter
from typing import Final

from data_pipeline.http.state import Pipeline
from data_pipeline.services.replays import ReplayReport

_LOG: Final = logging.getLogger("data_pipeline")
_BUSINESS: Final = {"category": "business"}


def record_replay(pipeline: Pipeline, tenant_id: str, report: ReplayReport) -> None:
    """Count what became of replayed records, and write the line."""
    metrics, result = pipeline.metrics, report.result
    outcomes = {
        "loaded": result.loaded,
        "duplicate": result.duplicates,
        "rejected": result.rejected,
    }
    for outcome, count in outcomes.items():
        metrics.inc(
            "data_pipeline_quarantine_replayed_total", count, tenant_id=tenant_id, outcome=outcome
        )
    loaded = Counter[str]()
    for one in report.loaded:
        loaded[one.delivery.data_type] += one.counts.loaded
    for data_type, count in loaded.items():
        metrics.inc("data_ingestion_records_total", count, tenant_id=tenant_id, data_type=data_type)
    _LOG.info("replayed records of the quarantine", extra={**_BUSINESS, **outcomes})


def record_discard() -> None:
    """Write the line of a discarded record."""
    _LOG.info("discarded a record of the quarantine", extra=_BUSINESS)
