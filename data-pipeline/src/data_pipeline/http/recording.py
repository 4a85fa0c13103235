"""What the pipeline did, as metrics, spans and log lines."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from backends.ports import PortUnavailable
from data_pipeline.domain.errors import DomainError
from data_pipeline.http.state import Pipeline
from data_pipeline.services.ingestion import IngestReport
from data_pipeline.services.snapshots import SnapshotReport
from instrumentation.stages import observe_stages, record_stages

_LOG: Final = logging.getLogger("data_pipeline")
_JOB: Final = "snapshot"


def record_batch(pipeline: Pipeline, tenant_id: str, report: IngestReport) -> None:
    """Count a batch, add its stages to the trace and write its line."""
    metrics, result = pipeline.metrics, report.result
    record_stages(pipeline.tracing.tracer, report.stages)
    observe_stages(
        metrics,
        "data_pipeline_duration_seconds",
        [stage for stage in report.stages if stage.parent is None],
        stage_label="stage",
        tenant_id=tenant_id,
    )
    metrics.inc(
        "data_ingestion_records_total",
        result.accepted,
        tenant_id=tenant_id,
        data_type=report.data_type,
    )
    faults = Counter(record.code for record in result.rejected)
    for code, count in faults.items():
        metrics.inc("data_validation_errors_total", count, tenant_id=tenant_id, error_type=code)
    fields = {
        "category": "business",
        "accepted": result.accepted,
        "duplicates": result.duplicates,
        "rejected": len(result.rejected),
        "rejected_by_code": dict(faults),
    }
    _LOG.info("took in %s", report.data_type, extra=fields)


@contextmanager
def record_snapshot(pipeline: Pipeline) -> Generator[Callable[[SnapshotReport], None]]:
    """Time a snapshot job and count how it ended; the block hands its report over."""
    started = time.perf_counter()
    try:
        yield lambda report: _record_snapshot(pipeline, report)
    except DomainError:
        raise
    except Exception as error:
        reason = "store_unavailable" if isinstance(error, PortUnavailable) else "internal_error"
        pipeline.metrics.inc("etl_job_failures_total", job_name=_JOB, reason=reason)
        raise
    finally:
        seconds = time.perf_counter() - started
        pipeline.metrics.observe("etl_job_duration_seconds", seconds, job_name=_JOB)


def _record_snapshot(pipeline: Pipeline, report: SnapshotReport) -> None:
    manifest = report.manifest
    record_stages(pipeline.tracing.tracer, report.stages)
    for source, file in (("events", manifest.events), ("items", manifest.items)):
        pipeline.metrics.inc("etl_records_processed_total", file.rows, job_name=_JOB, source=source)
    fields = {
        "category": "business",
        "snapshot_id": manifest.snapshot_id,
        "events": manifest.events.rows,
        "items": manifest.items.rows,
        "users": manifest.users,
    }
    _LOG.info("made a snapshot", extra=fields)
