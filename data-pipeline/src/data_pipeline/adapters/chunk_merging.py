"""The events of several chunks as those of one: by user and time, with their sequences."""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

import pyarrow as pa

from data_pipeline.adapters.chunk_reader import ChunkReader
from data_pipeline.adapters.event_chunks import (
    INLINE_ROWS,
    SORTED_GROUP_ROWS,
    Chunk,
    encode_inline,
    encode_object,
    events_of,
)
from data_pipeline.domain.events import STORED_EVENT_SCHEMA

_NAMES: Final = STORED_EVENT_SCHEMA.names
_ORDER: Final = [
    ("user_id", "ascending"),
    ("timestamp", "ascending"),
    ("sequence", "ascending"),
]


class MergedEvents(NamedTuple):
    """Events, encoded as what a row holds itself where there are few, else as an object."""

    rows: int
    content: bytes
    inline: bool


async def merged_events(reader: ChunkReader, chunks: Sequence[Chunk]) -> MergedEvents:
    """Read the chunks and encode their events together. Raises `PortUnavailable`."""
    batches: list[pa.RecordBatch] = []
    for chunk in chunks:
        if chunk.object_key is not None:
            batches += await reader.events(chunk, _NAMES)
    return await asyncio.to_thread(_merged, chunks, batches)


def _merged(chunks: Sequence[Chunk], batches: list[pa.RecordBatch]) -> MergedEvents:
    for chunk in chunks:
        if chunk.content is not None:
            batches += events_of(chunk, chunk.content, _NAMES)
    events = pa.Table.from_batches(batches, STORED_EVENT_SCHEMA).sort_by(_ORDER)
    if len(events) > INLINE_ROWS:
        return MergedEvents(len(events), encode_object(events, SORTED_GROUP_ROWS), inline=False)
    batch = events.combine_chunks().to_batches()
    content = encode_inline(batch[0]) if batch else b""
    return MergedEvents(len(events), content, inline=bool(batch))
