"""StreamPositions in a relational database."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from backends.availability import available
from backends.sql_store import SqlStore
from backends.upserts import insert
from data_pipeline.adapters.tables import stream_positions
from data_pipeline.adapters.transactions import transaction
from data_pipeline.domain.streams import Partition, StalePosition


class SqlStreamPositions(SqlStore):
    """A row for each partition."""

    what = "positions of the streams"
    table = stream_positions

    async def of(self, partitions: Sequence[Partition]) -> Mapping[Partition, int | None]:
        """Read all rows: a topic has some, and there are few topics."""
        query = sa.select(stream_positions)
        with available(self.what):
            async with transaction(self._reading) as connection:
                rows = (await connection.execute(query)).all()
        stored = {Partition(topic, number): offset for topic, number, offset in rows}
        return {one: stored.get(one) for one in partitions}

    async def move(self, partition: Partition, before: int | None, after: int) -> None:
        """Insert or update the row where it is as it was."""
        change: sa.Insert | sa.Update
        if before is None:
            values = {**_key(partition), "next_offset": after}
            change = insert(stream_positions).values(values).on_conflict_do_nothing()
        else:
            this = [stream_positions.c[name] == value for name, value in _key(partition).items()]
            change = stream_positions.update().values(next_offset=after)
            change = change.where(*this, stream_positions.c.next_offset == before)
        with available(self.what):
            async with transaction(self._engine) as connection:
                if (await connection.execute(change)).rowcount != 1:
                    raise StalePosition(f"{partition} was moved on by another consumer")


def _key(partition: Partition) -> Mapping[str, str | int]:
    return {"topic": partition.topic, "partition": partition.number}
