"""What the pipeline did, as metrics, spans and log lines."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from opentelemetry.trace import get_current_span

from backends.ports import PortUnavailable
from contracts.imports import DataType
from contracts.users import UserErased, UserMerged
from data_pipeline.domain.errors import DomainError
from data_pipeline.http.state import Pipeline
from data_pipeline.services.ingestion import IngestReport
from data_pipeline.services.snapshots import SnapshotReport
from instrumentation.stages import observe_stages, record_stages

_LOG: Final = logging.getLogger("data_pipeline")
_SNAPSHOT: Final = "snapshot"
_ERASURE: Final = "erasure"
_BUSINESS: Final = {"category": "business"}


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
        **_BUSINESS,
        "accepted": result.accepted,
        "duplicates": result.duplicates,
        "rejected": len(result.rejected),
        "rejected_by_code": dict(faults),
    }
    _LOG.info("took in %s", report.data_type, extra=fields)


def record_change(pipeline: Pipeline, tenant_id: str, data_type: DataType, action: str) -> None:
    """Count a record that was sent by itself, and write the line of the change."""
    if action != "removed":
        pipeline.metrics.inc(
            "data_ingestion_records_total", 1, tenant_id=tenant_id, data_type=data_type
        )
    # "items" is one item here.
    _LOG.info("%s %s", data_type.removesuffix("s"), action, extra=_BUSINESS)


def record_merge(merged: UserMerged) -> None:
    """Write the line of a merge; the ids are in it as hashes at most."""
    fields = {**_BUSINESS, "events_moved": merged.events_moved}
    _LOG.info("merged a session into a user", extra=fields)


def record_weight(event_type: str, weight: float | None) -> None:
    """Write the line of a changed weight, None where a type was taken back."""
    fields = {**_BUSINESS, "event_type": event_type, "weight": weight}
    _LOG.info("changed the weight of an event type", extra=fields)


def record_rules(version: int | None) -> None:
    """Write the line of new validation rules, None where they are the standard again."""
    fields = {**_BUSINESS, "rules_version": version}
    _LOG.info("changed the validation rules", extra=fields)


@contextmanager
def record_snapshot(pipeline: Pipeline) -> Generator[Callable[[SnapshotReport], None]]:
    """Time a snapshot job and count how it ended; the block hands its report over."""
    with _recorded_job(pipeline, _SNAPSHOT):
        yield lambda report: _record_snapshot(pipeline, report)


@contextmanager
def record_erasure(pipeline: Pipeline) -> Generator[Callable[[UserErased], None]]:
    """Time an erasure and count how it ended; the block hands its answer over."""
    with _recorded_job(pipeline, _ERASURE):
        yield lambda erased: _record_erasure(pipeline, erased)


@contextmanager
def _recorded_job(pipeline: Pipeline, name: str) -> Generator[None]:
    started = time.perf_counter()
    try:
        yield
    except DomainError:
        raise
    except Exception as error:
        reason = "store_unavailable" if isinstance(error, PortUnavailable) else "internal_error"
        pipeline.metrics.inc("etl_job_failures_total", job_name=name, reason=reason)
        raise
    finally:
        seconds = time.perf_counter() - started
        pipeline.metrics.observe("etl_job_duration_seconds", seconds, job_name=name)


def _record_snapshot(pipeline: Pipeline, report: SnapshotReport) -> None:
    manifest, profile = report.manifest, report.manifest.profile
    record_stages(pipeline.tracing.tracer, report.stages)
    for source, file in (("events", manifest.events), ("items", manifest.items)):
        _count_records(pipeline, _SNAPSHOT, source, file.rows)
    rows = {
        "events": profile.events,
        "users": profile.users,
        "items": profile.catalogue_items,
    }
    tenant_id = manifest.tenant_id
    for data_type, count in rows.items():
        pipeline.metrics.set("data_snapshot_rows", count, tenant_id=tenant_id, data_type=data_type)
    drift = manifest.drift.model_dump() if manifest.drift else {}
    for feature, difference in drift.items():
        labels = {"tenant_id": tenant_id, "feature": feature}
        pipeline.metrics.set("data_snapshot_drift", difference, **labels)
    described = {
        "snapshot_id": manifest.snapshot_id,
        **rows,
        "sparsity": profile.sparsity,
        "cold_item_share": profile.cold_item_share,
    }
    attributes = {
        **{f"snapshot.{name}": value for name, value in described.items()},
        **{f"snapshot.drift.{name}": value for name, value in drift.items()},
    }
    get_current_span().set_attributes(attributes)
    fields = {
        **_BUSINESS,
        **described,
        "previous_snapshot_id": manifest.previous_snapshot_id,
        "drift": drift,
    }
    _LOG.info("made a snapshot", extra=fields)


def _record_erasure(pipeline: Pipeline, erased: UserErased) -> None:
    for place in erased.places:
        _count_records(pipeline, _ERASURE, place.place.replace(" ", "_"), place.removed)
    fields = {
        "category": "security",
        "removed": {place.place: place.removed for place in erased.places},
        "remaining": {place.place: place.remaining for place in erased.places},
    }
    _LOG.info("erased a user", extra=fields)


def _count_records(pipeline: Pipeline, job: str, source: str, count: int) -> None:
    pipeline.metrics.inc("etl_records_processed_total", count, job_name=job, source=source)
