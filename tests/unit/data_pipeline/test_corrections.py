"""Whatever is deleted, merged, weighed anew or erased, in whatever order it reaches the features:
they end as those that the log alone would give."""

import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.database import migrate, open_engine
from backends.embedded import feature_writer
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.ports import PortUnavailable
from data_pipeline.adapters.catalogue_log import SqlCatalogueLog
from data_pipeline.adapters.corrections import SqlCorrections
from data_pipeline.adapters.event_archive import SqlEventArchive
from data_pipeline.adapters.event_log import SqlEventLog
from data_pipeline.adapters.event_type_store import SqlEventTypeStore
from data_pipeline.adapters.person_store import SqlPersonStore
from data_pipeline.bootstrap import MIGRATIONS
from data_pipeline.domain.errors import AlreadyMerged, MergeCycle
from data_pipeline.domain.records import EventRecord
from data_pipeline.load import projection
from data_pipeline.load.projection import FeatureProjection

LENGTH = 4
USERS = st.sampled_from(["u1", "u2", "u3", "anon"])
TYPES = st.sampled_from(["view", "impression", "own"])
records = st.builds(
    EventRecord,
    event_id=st.integers(0, 25).map(str),
    user_id=USERS,
    item_id=st.sampled_from("abc"),
    event_type=TYPES,
    timestamp_ms=st.integers(0, 4),
    value=st.none(),
    recommendation_id=st.none(),
)
operations = st.one_of(
    st.tuples(st.just("append"), st.lists(records, min_size=3, max_size=8), st.booleans()),
    st.tuples(st.just("append"), st.lists(records, min_size=3, max_size=8), st.booleans()),
    st.tuples(st.just("remove"), st.integers(0, 25).map(str)),
    st.tuples(st.just("merge"), USERS, USERS),
    st.tuples(st.just("erase"), USERS),
    st.tuples(st.just("weigh"), TYPES, st.sampled_from([None, 0.0, 2.0])),
    st.tuples(st.just("events"), st.just(None)),
    st.tuples(st.just("corrections"), st.just(None)),
    st.tuples(st.just("crash"), st.just("before")),
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
        self.engine = open_engine(f"sqlite+aiosqlite:///{folder / 'events.db'}", 2)
        self.log, self.archive = SqlEventLog(self.engine), SqlEventArchive(self.engine)
        self.people, self.types = SqlPersonStore(self.engine), SqlEventTypeStore(self.engine)
        self.corrections = SqlCorrections(self.engine, LENGTH)
        self.path = folder / features
        self.writer = CrashingWriter(self.path)
        self.projection = self._projection()

    def _projection(self) -> FeatureProjection:
        catalogue = SqlCatalogueLog(self.engine)
        return FeatureProjection(self.log, catalogue, self.corrections, self.writer)

    async def run(self, name: str, *arguments: Any) -> None:
        await getattr(self, f"_{name}")(*arguments)

    async def _append(self, events: list[EventRecord], applied: bool) -> None:
        await self.log.append("acme", events, 1)
        if applied:
            await self._events(None)

    async def _remove(self, event_id: str) -> None:
        await self.archive.remove("acme", event_id)

    async def _merge(self, session: str, user: str) -> None:
        try:
            await self.people.merge("acme", session, user, 1)
        except (MergeCycle, AlreadyMerged):
            return

    async def _erase(self, user: str) -> None:
        await self.people.erase("acme", await self.people.ids("acme", user))

    async def _weigh(self, event_type: str, weight: float | None) -> None:
        await self.types.set("acme", event_type, weight)

    async def _events(self, _: None) -> None:
        async with self.projection._writing():
            await self.projection._apply_events()

    async def _corrections(self, _: None) -> None:
        try:
            async with self.projection._writing():
                await self.projection._apply_correction_chunk(None)
        except PortUnavailable:
            self.projection = self._projection()

    async def _crash(self, moment: str) -> None:
        self.writer.crash = moment
        await self._corrections(None)

    async def state(self) -> dict[str, Any]:
        self.writer.crash = None
        await self.projection.recover()
        await self.projection.check()
        await self.projection.close()
        await self.writer.close()
        await self.engine.dispose()
        connection = sqlite3.connect(self.path)
        histories = dict(connection.execute("SELECT user_id, events FROM histories").fetchall())
        counts = dict(connection.execute("SELECT item_id, events FROM item_counts").fetchall())
        weights = connection.execute("SELECT weights FROM event_weights").fetchall()
        connection.close()
        return {
            "histories": {user: orjson.loads(events) for user, events in histories.items()},
            "counts": counts,
            "weights": {
                name: weight
                for [content] in weights
                for name, weight in orjson.loads(content).items()
                if weight != {"impression": 0.0, "own": None}.get(name, 1.0)
            },
        }


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "empty.db"

    async def make() -> None:
        engine = open_engine(f"sqlite+aiosqlite:///{path}", 1)
        await migrate(engine, MIGRATIONS)
        await engine.dispose()

    anyio.run(make)
    return path


@settings(max_examples=60, deadline=None)
@given(st.lists(operations, min_size=5, max_size=25))
def test_the_features_end_as_those_that_the_log_alone_gives(empty_database, plan) -> None:
    async def run(folder: Path) -> None:
        world = World(folder, "features.db")
        for operation in plan:
            await world.run(*operation)
        lived = await world.state()
        assert lived == await World(folder, "made-again.db").state()
        connection = sqlite3.connect(folder / "events.db")
        assert connection.execute("SELECT count(*) FROM corrections").fetchone() == (0,)
        connection.close()

    with (
        tempfile.TemporaryDirectory() as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(feature_writer, "HISTORY_LENGTH", LENGTH)
        # What stays in the files is not looked at here, and looking takes a while.
        patch.setattr(feature_writer, "remove_traces", lambda *_: None)
        patch.setattr(projection, "CORRECTION_CHUNK", 3)
        shutil.copy(empty_database, Path(name) / "events.db")
        anyio.run(run, Path(name))
