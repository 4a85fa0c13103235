"""Imports as spans, metrics and log lines."""

import logging
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    Span,
    StatusCode,
    get_current_span,
    use_span,
)

from contracts.imports import ImportStatus
from data_pipeline.domain.imports import Import, ImportFailed
from data_pipeline.services.import_worker import ChunkReport
from instrumentation.context import RequestContext, bind, reset
from instrumentation.metrics import Metrics
from instrumentation.stages import observe_stages, record_stages
from instrumentation.tracing import Tracing, extract

JOB: Final = "import"
CHUNK_SPAN: Final = "import_chunk"

_LOG: Final = logging.getLogger("data_pipeline")


class ImportTelemetry:
    """Observes the imports of one service.

    Each has a trace of its own while its file is open, linked to the request that brought it.
    """

    def __init__(self, metrics: Metrics, tracing: Tracing) -> None:
        self._metrics = metrics
        self._tracing = tracing
        self._spans: dict[str, Span] = {}

    def began(self, entry: Import) -> None:
        """Open the import's span and write its line."""
        job = entry.job
        uploaded = get_current_span(extract(entry.trace_headers)).get_span_context()
        self._spans[job.import_id] = self._tracing.tracer.start_span(
            JOB,
            context=Context(),
            links=[Link(uploaded)] if uploaded.is_valid else [],
            attributes={"import.id": job.import_id, "tenant.id": job.tenant_id},
        )
        self._log(entry, logging.INFO, "import resumed" if entry.position else "import started")

    @contextmanager
    def chunk(self, entry: Import) -> Generator[Callable[[ChunkReport], None]]:
        """A span for the chunk; the stores' own spans are below it."""
        token = bind(RequestContext(tenant_id=entry.job.tenant_id))
        try:
            # An import that was cancelled a moment ago has no span any more.
            around = self._spans.get(entry.job.import_id, INVALID_SPAN)
            with (
                use_span(around, set_status_on_exception=False, record_exception=False),
                self._tracing.span(CHUNK_SPAN),
            ):
                yield lambda report: self._chunk(entry, report)
        finally:
            reset(token)

    def ended(self, entry: Import, failure: ImportFailed | None = None) -> None:
        """Close the span, count how the import ended and write its line."""
        job, metrics = entry.job, self._metrics
        span = self._spans.pop(job.import_id, None)
        if failure is not None:
            metrics.inc("etl_job_failures_total", job_name=JOB, reason=failure.reason)
            if span is not None:
                span.set_status(StatusCode.ERROR, failure.reason)
        if job.started_at is not None and job.finished_at is not None:
            seconds = (job.finished_at - job.started_at).total_seconds()
            metrics.observe("etl_job_duration_seconds", seconds, job_name=JOB)
        if failure is not None:
            # Its words may quote the file.
            self._log(entry, logging.WARNING, f"import failed: {failure.reason}", span)
        else:
            self._log(entry, logging.INFO, f"import {job.status}", span)
        if span is not None:
            span.end()

    def left(self, entry: Import) -> None:
        """Close the span, where the import did not end here, and write its line."""
        span = self._spans.pop(entry.job.import_id, None)
        if span is not None:
            self._log(entry, logging.INFO, "import ended or taken up elsewhere", span)
            span.end()

    def taken_up(self, entry: Import) -> None:
        """Count an import that another replica does not hold any more."""
        self._metrics.inc("import_takeovers_total", tenant_id=entry.job.tenant_id)

    def close(self) -> None:
        """End the spans of the imports that the next start goes on with."""
        for span in self._spans.values():
            span.end()
        self._spans.clear()

    def _chunk(self, entry: Import, report: ChunkReport) -> None:
        metrics, job = self._metrics, entry.job
        record_stages(self._tracing.tracer, report.stages)
        observe_stages(
            metrics,
            "data_pipeline_duration_seconds",
            [stage for stage in report.stages if stage.parent is None],
            stage_label="stage",
            tenant_id=job.tenant_id,
        )
        metrics.inc(
            "data_ingestion_records_total",
            report.accepted,
            tenant_id=job.tenant_id,
            data_type=job.data_type,
        )
        metrics.inc("etl_records_processed_total", report.rows, job_name=JOB, source=job.data_type)
        for code, count in Counter(one.code for one in report.rejected).items():
            metrics.inc(
                "data_validation_errors_total", count, tenant_id=job.tenant_id, error_type=code
            )

    def _log(self, entry: Import, level: int, message: str, span: Span | None = None) -> None:
        job = entry.job
        fields: dict[str, Any] = {
            "category": "business",
            "import_id": job.import_id,
            "data_type": job.data_type,
            "format": job.format,
            "source": job.source,
            "bytes": job.bytes,
        }
        if job.status is not ImportStatus.QUEUED:
            counts = ("rows", "accepted", "duplicates", "rejected")
            fields |= {name: getattr(job, name) for name in counts}
        token = bind(RequestContext(tenant_id=job.tenant_id))
        try:
            with use_span(span or self._spans.get(job.import_id, get_current_span())):
                _LOG.log(level, message, extra=fields)
        finally:
            reset(token)
