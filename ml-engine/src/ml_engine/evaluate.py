"""Evaluates models on events held out of their training: `python -m ml_engine.evaluate --help`.

`events` trains on a file the models that every report has; `model` takes a stored version and asks
it for what happened after the snapshot that it was trained on. Prints the report as JSON.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backends.database import open_engine
from backends.object_store import UrlObjectStore
from backends.ports import PortUnavailable
from backends.snapshot_manifests import SnapshotDamaged
from backends.snapshots import SnapshotStore
from instrumentation.settings import load_settings_or_exit
from ml_engine.adapters.serving_store import SqlServingStore
from ml_engine.adapters.version_marks import SqlVersionMarks
from ml_engine.domain.errors import DomainError, ModelDamaged, SnapshotNotFound
from ml_engine.domain.interactions import Dataset
from ml_engine.evaluation.report import EvaluationReport, evaluate
from ml_engine.evaluation.splits import (
    Split,
    against_sampled,
    given_split,
    leave_one_out,
    random_split,
    split_at_moment,
    temporal_split,
)
from ml_engine.evaluation.tuning import tuned
from ml_engine.event_files import FileUnreadable, no_items, read_events, read_items
from ml_engine.models import popularity
from ml_engine.models.two_tower import TwoTowerParameters
from ml_engine.models.two_tower.fit import fit
from ml_engine.registry.registry import ModelRegistry
from ml_engine.retrieval.artifact import load_model
from ml_engine.settings import StoreSettings
from ml_engine.training.feature_engineering import build_dataset, build_histories
from ml_engine.training.training import baselines

SPLITS: Final[Mapping[str, Callable[[Dataset], Split]]] = {
    "temporal": temporal_split,
    "leave-one-out": leave_one_out,
    "moment": split_at_moment,
    "random": random_split,
}
_EXPECTED = (DomainError, FileUnreadable, PortUnavailable, SnapshotDamaged)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a report. What cannot be evaluated is one line and status 1."""
    wanted = _parser().parse_args(arguments)
    try:
        report: EvaluationReport = wanted.run(wanted)
    except _EXPECTED as error:
        sys.exit(f"nothing was evaluated: {error}")
    sys.stdout.write(json.dumps(report.to_json()) + "\n")


def _of_events(wanted: argparse.Namespace) -> EvaluationReport:
    events = read_events(wanted.events)
    items = no_items() if wanted.items is None else read_items(wanted.items)
    if wanted.held_out is None:
        split = SPLITS[wanted.split](build_dataset(events, items, {}))
    else:
        split = _given(events, read_events(wanted.held_out), items, {}, f"{wanted.held_out}")
    split = _ranked(split, wanted)
    parameters = tuned(split.train, TwoTowerParameters(), wanted.seed)
    models = [fit(split.train, parameters), *baselines(split)]
    return evaluate(models, split, wanted.k, wanted.seed)


def _of_model(wanted: argparse.Namespace) -> EvaluationReport:
    settings = load_settings_or_exit(StoreSettings, "the evaluation of a model")
    with TemporaryDirectory() as folder:
        return asyncio.run(_of_version(settings, wanted, Path(folder)))


async def _of_version(
    settings: StoreSettings, wanted: argparse.Namespace, folder: Path
) -> EvaluationReport:
    objects = UrlObjectStore(settings.objects())
    engine = open_engine(settings.database(), settings.db_pool_size)
    serving, marks = SqlServingStore(engine), SqlVersionMarks(engine)
    try:
        registry = ModelRegistry(objects, serving, marks, folder)
        record = await registry.record(wanted.tenant, wanted.version)
        files = await registry.fetch(wanted.tenant, wanted.version)
        snapshots = SnapshotStore(objects)
        tables = [
            await _tables(snapshots, wanted.tenant, snapshot_id)
            for snapshot_id in (record.snapshot_id, wanted.since)
        ]
        manifest = await snapshots.read_manifest(wanted.tenant, record.snapshot_id)
    finally:
        await serving.close()
        await objects.close()
    (events, items), (newer, _) = tables
    newest = _times(events).max()
    newer = newer.filter(pa.array(_times(newer) > newest))
    words = f"snapshot {wanted.since} after snapshot {record.snapshot_id}"
    split = _ranked(_given(events, newer, items, manifest.event_weights, words), wanted)
    model = load_model(files)
    if model.n_items != split.train.n_items:
        raise ModelDamaged(f"model {wanted.version!r} has other items than its snapshot")
    models = [model, popularity.fit(split.train)]
    return evaluate(models, split, wanted.k, wanted.seed)


async def _tables(
    snapshots: SnapshotStore, tenant_id: str, snapshot_id: str
) -> tuple[pa.Table, pa.Table]:
    try:
        return await snapshots.read_tables(tenant_id, snapshot_id)
    except KeyError:
        raise SnapshotNotFound(f"there is no snapshot {snapshot_id!r}") from None


def _given(
    events: pa.Table,
    held_out: pa.Table,
    items: pa.Table,
    event_weights: Mapping[str, float],
    words: str,
) -> Split:
    """`held_out` of all users, those without any of `events` too; items only it knows are left."""
    dataset = build_dataset(events, items, event_weights)
    users = sorted({*_distinct(events["user_id"]), *_distinct(held_out["user_id"])})
    train, asked = (
        build_histories(part, users, dataset.item_ids, event_weights) for part in (events, held_out)
    )
    return given_split(replace(dataset, histories=train), asked, f"the events of {words} held out")


def _times(events: pa.Table) -> NDArray[np.int64]:
    return events["timestamp"].cast(pa.int64()).to_numpy()


def _distinct(column: pa.ChunkedArray) -> list[str]:
    return column.cast(pa.string()).unique().to_pylist()


def _ranked(split: Split, wanted: argparse.Namespace) -> Split:
    return split if wanted.negatives is None else against_sampled(split, wanted.negatives)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ml_engine.evaluate")
    commands = parser.add_subparsers(required=True)
    events = commands.add_parser("events", help="train and evaluate on a file of events")
    events.add_argument("events", type=Path, help="CSV, Parquet, or a JSON object a line")
    events.add_argument("--items", type=Path, help="a file of the items' content")
    how = events.add_mutually_exclusive_group()
    how.add_argument("--split", choices=SPLITS, default="temporal")
    how.add_argument("--held-out", type=Path, help="a file of the events to predict")
    events.set_defaults(run=_of_events)
    model = commands.add_parser("model", help="evaluate a stored version on what happened since")
    model.add_argument("tenant")
    model.add_argument("version")
    model.add_argument("--since", required=True, help="a later snapshot, whose new events it meets")
    model.set_defaults(run=_of_model)
    for command in (events, model):
        command.add_argument("-k", type=int, default=10, help="the cut-off of every metric")
        command.add_argument("--negatives", type=int, help="rank against so many sampled items")
        command.add_argument("--seed", type=int, default=0, help="of the intervals")
    return parser


if __name__ == "__main__":
    main()
