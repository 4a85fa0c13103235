"""The training process: reads a spec, reports progress on standard output, leaves a model."""

import hashlib
import json
import logging
import os
import sys
import threading
import time
from pathlib import Path

import anyio
import psutil
from opentelemetry.trace import Link, get_current_span
from pydantic import BaseModel

from backends.object_store import UrlObjectStore
from backends.snapshot_manifests import SnapshotDamaged
from backends.snapshots import SnapshotStore
from backends.stages import StageClock
from contracts.snapshots import SnapshotManifest
from instrumentation.settings import ServiceSettings, load_settings
from instrumentation.stages import record_stages
from instrumentation.telemetry import start_exports
from instrumentation.tracing import extract
from ml_engine.domain.errors import DomainError
from ml_engine.training.checkpoints import Checkpoints, Found
from ml_engine.training.messages import Checkpoint, Failed, Progress, Trained, TrainingSpec
from ml_engine.training.training import train

NICENESS = 10
"""Serving goes before training where they share a machine."""

MEMORY_LOOK_SECONDS = 0.1

_logger = logging.getLogger(__name__)


class WorkerSettings(ServiceSettings):
    """Where the log lines and spans of training go: those of ml-engine."""

    service_name: str = "ml-engine"


def main() -> None:
    """Train what the first line of standard input asks for; the argument is the object store."""
    spec = TrainingSpec.model_validate_json(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if spec.max_memory_mb is not None:
        threading.Thread(target=_end_beyond, args=[spec.max_memory_mb], daemon=True).start()
    os.nice(NICENESS)
    settings = load_settings(WorkerSettings)
    # Standard output carries the messages, so the log goes to standard error.
    exports = start_exports(settings, stream=sys.stderr)
    tracing = exports.tracing
    request = get_current_span(extract(spec.trace_headers)).get_span_context()
    span = tracing.tracer.start_span(
        "training_job",
        links=[Link(request)] if request.is_valid else [],
        attributes={"training.job_id": spec.job_id, "training.model_type": spec.model_type},
    )
    if spec.checkpoints:
        names = ", ".join(sorted(spec.checkpoints))
        fields = {"category": "ml", "job_id": spec.job_id}
        _logger.info("training goes on from checkpoints: %s", names, extra=fields)
        span.set_attribute("training.checkpoints", len(spec.checkpoints))
    clock = StageClock()
    checkpoints = Checkpoints(spec.checkpoints, _keep, settings.service_version)
    _send(_outcome(spec, sys.argv[1], clock, checkpoints))
    record_stages(tracing.tracer, clock.stages, span)
    span.end()
    exports.close()


def _outcome(
    spec: TrainingSpec, object_store_url: str, clock: StageClock, checkpoints: Checkpoints
) -> Trained | Failed:
    snapshots = SnapshotStore(UrlObjectStore(object_store_url))

    def on_progress(stage: str, progress: float) -> None:
        _send(Progress(stage=stage, progress=progress))

    try:
        with clock.stage("data_loading"):
            on_progress("data_loading", 0.0)
            tables = anyio.run(snapshots.read_tables, spec.tenant_id, spec.snapshot_id)
            manifest = anyio.run(snapshots.read_manifest, spec.tenant_id, spec.snapshot_id)
        folder, weights = Path(spec.folder), manifest.event_weights
        model_type, parameters, report = train(
            *tables,
            weights,
            spec.model_type,
            spec.seed,
            folder,
            clock,
            on_progress,
            checkpoints,
            spec.max_seconds,
        )
        return Trained(
            model_type=model_type,
            data_hash=_data_hash(manifest),
            parameters=parameters,
            report=report,
        )
    except (DomainError, SnapshotDamaged) as error:
        return Failed(code=getattr(error, "code", "snapshot_damaged"), reason=str(error))
    except MemoryError:
        return Failed(code="out_of_memory", reason="the data does not fit into memory")
    except Exception as error:
        _logger.exception("training failed", extra={"category": "ml", "job_id": spec.job_id})
        return Failed(code="internal_error", reason=f"{type(error).__name__}: {error}")


def _data_hash(manifest: SnapshotManifest) -> str:
    """The same for the same events, items and weights, whenever the snapshot was made."""
    weights = json.dumps(manifest.event_weights, sort_keys=True)
    identity = f"{manifest.events.sha256}:{manifest.items.sha256}:{weights}"
    return hashlib.sha256(identity.encode()).hexdigest()


def _keep(name: str, found: Found) -> None:
    _send(Checkpoint(name=name, found=found))


def _send(message: BaseModel) -> None:
    sys.stdout.write(message.model_dump_json() + "\n")
    sys.stdout.flush()


def _end_beyond(max_memory_mb: int) -> None:
    process = psutil.Process()
    while process.memory_info().rss <= max_memory_mb << 20:
        time.sleep(MEMORY_LOOK_SECONDS)
    reason = f"the training took more than the {max_memory_mb} MB of memory that it may"
    _send(Failed(code="memory_budget_exceeded", reason=reason))
    os._exit(1)


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
