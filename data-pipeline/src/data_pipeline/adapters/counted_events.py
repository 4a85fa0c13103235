"""What the features hold of some users and items, counted again from the log."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import aclosing
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from backends.ports import UserEvent
from data_pipeline.adapters.chunk_reader import ChunkReader
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.events import STORED_EVENT_SCHEMA
from data_pipeline.domain.records import EventFilter

ROWS_IN_MEMORY: Final = 200_000
"""So many events are looked through for the newest of each user at once."""

_HISTORY: Final = ("user_id", "item_id", "event_type", "timestamp", "value", "sequence")
_COUNT: Final = ("item_id", "timestamp")
_DAY_MS: Final = 86_400_000
_EPOCH: Final = date(1970, 1, 1)


async def newest_events(
    chunks: ChunkReader,
    tenant_id: str,
    names: Mapping[str, str],
    counting: frozenset[str],
    upto: Mapping[Lane, int],
    length: int,
) -> Mapping[str, list[UserEvent]]:
    """The newest events by (time, sequence) of users, oldest first, of the types that count.

    `names` are the users by the ids under which their events came.
    """
    where = EventFilter(user_ids=frozenset(names), event_types=counting, upto=upto)
    schema = pa.schema([STORED_EVENT_SCHEMA.field(name) for name in _HISTORY])
    found = schema.empty_table()
    async with aclosing(chunks.scan(tenant_id, _HISTORY, where)) as batches:
        async for batch in batches:
            found = pa.concat_tables([found, _owned(batch, names)])
            if len(found) > ROWS_IN_MEMORY + length * len(names):
                found = _newest(found, length)
    histories: defaultdict[str, list[UserEvent]] = defaultdict(list)
    columns = _newest(found, length).columns
    columns[3] = columns[3].cast(pa.int64())
    for user_id, *event in zip(*(column.to_pylist() for column in columns), strict=True):
        histories[user_id].append(UserEvent(*event))
    return histories


async def item_counts(
    chunks: ChunkReader,
    tenant_id: str,
    item_ids: Collection[str],
    counting: frozenset[str],
    upto: Mapping[Lane, int],
) -> Mapping[str, Mapping[date, int]]:
    """How many events of the types that count items have, by the day (UTC) of their times."""
    where = EventFilter(item_ids=frozenset(item_ids), event_types=counting, upto=upto)
    found: dict[str, defaultdict[date, int]] = {
        item_id: defaultdict(int) for item_id in sorted(item_ids)
    }
    async with aclosing(chunks.scan(tenant_id, _COUNT, where)) as batches:
        async for batch in batches:
            for item_id, day, events in _by_item_and_day(batch):
                found[item_id][day] += events
    return found


def _owned(batch: pa.RecordBatch, names: Mapping[str, str]) -> pa.Table:
    encoded = batch.column("user_id").dictionary_encode()
    owners = pa.array([names[name] for name in encoded.dictionary.to_pylist()], pa.string())
    named = batch.set_column(0, batch.schema.field(0), pc.take(owners, encoded.indices))
    return pa.Table.from_batches([named])


def _newest(events: pa.Table, length: int) -> pa.Table:
    """The newest of each user, by user, time and sequence."""
    keys = [("user_id", "ascending"), ("timestamp", "ascending"), ("sequence", "ascending")]
    events = events.sort_by(keys).combine_chunks()
    if not len(events):
        return events
    user_ids = events.column("user_id").combine_chunks()
    last = np.append(
        pc.call_function("not_equal", [user_ids[1:], user_ids[:-1]]).to_numpy(zero_copy_only=False),
        True,
    )
    ends: npt.NDArray[np.int64] = np.flatnonzero(last)
    end_of_user = ends[np.searchsorted(ends, np.arange(len(events)))]
    return events.filter(pa.array(end_of_user - np.arange(len(events)) < length))


def _by_item_and_day(batch: pa.RecordBatch) -> list[tuple[str, date, int]]:
    moments = batch.column("timestamp").cast(pa.int64()).to_numpy()
    table = pa.table({"item_id": batch.column("item_id"), "day": moments // _DAY_MS})
    counts = table.group_by(["item_id", "day"]).aggregate([([], "count_all")])
    rows = zip(
        counts.column("item_id").to_pylist(),
        counts.column("day").to_pylist(),
        counts.column("count_all").to_pylist(),
        strict=True,
    )
    return [(item_id, _EPOCH + timedelta(days=day), events) for item_id, day, events in rows]
