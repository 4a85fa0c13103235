"""Whatever is deleted, merged, weighed anew, erased or compacted, in whatever order it reaches the
features: they end as those that the log alone would give."""

import shutil
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.event_logs import LogFiles, append

from backends.embedded import feature_writer
from backends.embedded.feature_file import differences
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.feature_values import event_groups, histories
from backends.ports import PortUnavailable
from data_pipeline.adapters import chunk_rewriting, event_log
from data_pipeline.adapters.catalogue_log import SqlCatalogueLog
from data_pipeline.adapters.chunk_store import SqlChunkStore
from data_pipeline.adapters.corrections import SqlCorrections
from data_pipeline.adapters.event_type_store import SqlEventTypeStore
from data_pipeline.adapters.person_store import SqlPersonStore
from data_pipeline.adapters.user_log import SqlUserLog
from data_pipeline.domain.chunk_store import Kind
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.errors import AlreadyMerged, MergeCycle
from data_pipeline.domain.records import EventRecord, UserRecord
from data_pipeline.load import projection
from data_pipeline.load.projection import FeatureProjection

LENGTH = 4
DAY_MS = 86_400_000
USERS = st.sampled_from(["u1", "u2", "u3", "anon"])
TYPES = st.sampled_from(["view", "impression", "own"])
LANES = st.sampled_from(list(Lane))
records = st.builds(
    EventRecord,
    event_id=st.integers(0, 25).map(str),
    user_id=USERS,
    item_id=st.sampled_from("abc"),
    event_type=TYPES,
    timestamp_ms=st.integers(-1, 40).map(lambda day: day * DAY_MS),
    value=st.none(),
    recommendation_id=st.none(),
)
appends = st.tuples(
    st.just("append"), st.lists(records, min_size=3, max_size=8), LANES, st.booleans()
)
operations = st.one_of(
    appends,
    appends,
    st.tuples(st.just("remove"), st.integers(0, 25).map(str)),
    st.tuples(st.just("merge"), USERS, USERS),
    st.tuples(st.just("erase"), USERS),
    st.tuples(st.just("profile"), USERS, st.integers(0, 3)),
    st.tuples(st.just("weigh"), TYPES, st.sampled_from([None, 0.0, 2.0])),
    st.tuples(st.just("compact"), st.sampled_from(list(Kind))),
    st.tuples(st.just("follow"), LANES),
    st.tuples(st.just("correct")),
    st.tuples(st.just("crash"), st.sampled_from(["before", "after"])),
)


class CrashingWriter(SqliteFeatureWriter):
    """A feature store that fails once, before its commit or after it."""

    crash: str | None = None

    async def correct(self, corrections, position) -> None:
        crash, self.crash = self.crash, None
        if crash == "before":
            raise PortUnavailable("failed before the commit")
        await super().correct(corrections, position)
        if crash == "after":
            raise PortUnavailable("failed after the commit")


class World:
    """The log, the features, and the way between them, one step at a time."""

    def __init__(self, folder: Path, features: str) -> None:
        self.files = LogFiles(folder)
        engine, objects = self.files.engine, self.files.objects
        self.people = SqlPersonStore(engine, objects)
        self.types = SqlEventTypeStore(engine, objects)
        self.chunks = SqlChunkStore(engine, objects)
        self.profiles = SqlUserLog(engine)
        self.path = folder / features
        self.writer = CrashingWriter(self.path)
        self.projection = self._projection()

    def _projection(self) -> FeatureProjection:
        engine = self.files.engine
        corrections = SqlCorrections(engine, self.files.objects, LENGTH)
        return FeatureProjection(
            self.files.log,
            SqlCatalogueLog(engine),
            self.profiles,
            corrections,
            self.writer,
            lambda: 1,
        )

    async def run(self, name: str, *arguments: Any) -> None:
        await getattr(self, f"_{name}")(*arguments)

    async def _append(self, events: list[EventRecord], lane: Lane, applied: bool) -> None:
        await append(self.files.log, "acme", events, lane=lane)
        if applied:
            await self._follow(lane)

    async def _remove(self, event_id: str) -> None:
        await self.files.archive.remove("acme", event_id)

    async def _merge(self, session: str, user: str) -> None:
        with suppress(MergeCycle, AlreadyMerged):
            await self.people.merge("acme", session, user, 1)

    async def _erase(self, user: str) -> None:
        await self.people.erase("acme", await self.people.ids("acme", user))

    async def _profile(self, user: str, age: int) -> None:
        await self.profiles.store("acme", [UserRecord(user, {"age": age})], 1)

    async def _weigh(self, event_type: str, weight: float | None) -> None:
        await self.types.set("acme", event_type, weight)

    async def _compact(self, kind: Kind) -> None:
        async def positions() -> dict[Lane, int]:
            at = await self.writer.positions()
            return {Lane.LIVE: at.live, Lane.BULK: at.bulk}

        for group in await self.chunks.groups(await positions()):
            await self.chunks.merge(group, kind, positions)

    async def _follow(self, lane: Lane) -> None:
        await self.projection.reach(lane, 10**9)

    async def _correct(self) -> None:
        try:
            async with self.projection._writing() as positions:
                await self.projection._apply_correction_chunk(positions, None)
        except PortUnavailable:
            self.projection = self._projection()

    async def _crash(self, moment: str) -> None:
        self.writer.crash = moment
        await self._correct()

    async def close(self) -> Path:
        """The features, which have followed everything."""
        self.writer.crash = None
        await self.projection.recover()
        await self.projection.catch_up()
        await self.projection.check()
        await self.projection.close()
        await self.writer.close()
        await self.files.close()
        return self.path


@settings(max_examples=20)
@given(st.lists(operations, min_size=5, max_size=25), st.sampled_from([2, 20_000]))
def test_the_features_end_as_those_that_the_log_alone_gives(
    empty_database, plan, inline_rows
) -> None:
    async def run(folder: Path) -> None:
        world = World(folder, "features.db")
        for operation in plan:
            await world.run(*operation)
        lived, made_again = await world.close(), await World(folder, "made-again.db").close()
        assert list(differences(lived, made_again)) == []
        connection = sqlite3.connect(folder / "events.db")
        assert connection.execute("SELECT count(*) FROM corrections").fetchone() == (0,)
        connection.close()

    with (
        tempfile.TemporaryDirectory() as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        for module in (histories, event_groups):
            patch.setattr(module, "HISTORY_LENGTH", LENGTH)
        patch.setattr(event_log, "INLINE_ROWS", inline_rows)
        patch.setattr(chunk_rewriting, "INLINE_ROWS", inline_rows)
        # What stays in the files is not looked at here, and looking takes a while.
        patch.setattr(feature_writer, "remove_traces", lambda *_: None)
        patch.setattr(projection, "CORRECTION_CHUNK", 3)
        shutil.copy(empty_database, Path(name) / "events.db")
        anyio.run(run, Path(name))
