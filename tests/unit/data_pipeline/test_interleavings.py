"""Whatever is sent, removed, merged, erased or weighed anew, in whatever order it reaches the
features: what is sent is seen at once, and in the end they are those that the log alone gives."""

import shutil
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.event_logs import LogFiles, append

from backends.embedded import feature_writer
from backends.embedded.feature_file import differences
from backends.embedded.feature_reader import SqliteFeatureReader
from backends.embedded.feature_schema import FEATURE_TABLES
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.feature_values import event_groups, histories
from data_pipeline.adapters.catalogue_log import SqlCatalogueLog
from data_pipeline.adapters.chunk_store import SqlChunkStore
from data_pipeline.adapters.corrections import SqlCorrections
from data_pipeline.adapters.event_type_store import SqlEventTypeStore
from data_pipeline.adapters.person_store import SqlPersonStore
from data_pipeline.adapters.user_log import SqlUserLog
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.errors import AlreadyMerged, MergeCycle
from data_pipeline.domain.records import EventRecord, ItemRecord, UserRecord
from data_pipeline.load import feeds, projection
from data_pipeline.load.projection import FeatureProjection
from data_pipeline.services.compaction import Compaction

LENGTH = 4
DAY_MS = 86_400_000
NOW_MS = 10**12
TENANTS = st.sampled_from(["acme", "other"])
USERS = st.sampled_from(["u1", "u2", "ü", "anon"])
TYPES = st.sampled_from(["view", "rating", "impression", "own"])
records = st.builds(
    EventRecord,
    event_id=st.integers(0, 40).map(str),
    user_id=USERS,
    item_id=st.sampled_from("abc"),
    event_type=TYPES,
    # Few moments, so that many events share one, and some days.
    timestamp_ms=st.integers(0, 8).map(lambda n: n * DAY_MS // 2),
    value=st.one_of(st.none(), st.floats(-5, 5, allow_nan=False)),
    recommendation_id=st.none(),
)
batches = st.lists(records, min_size=1, max_size=8)
appends = st.tuples(st.just("append"), TENANTS, st.sampled_from(list(Lane)), batches)
operations = st.one_of(
    appends,
    appends,
    appends,
    st.tuples(st.just("put_item"), TENANTS, st.sampled_from("abc"), st.integers(0, 2)),
    st.tuples(st.just("put_user"), TENANTS, USERS, st.integers(0, 2)),
    st.tuples(st.just("remove"), TENANTS, st.integers(0, 40).map(str)),
    st.tuples(st.just("merge"), TENANTS, USERS, USERS),
    st.tuples(st.just("erase"), TENANTS, USERS),
    st.tuples(st.just("weigh"), TENANTS, TYPES, st.sampled_from([None, 0.0, 2.0])),
    st.tuples(st.just("compact")),
    st.tuples(st.just("restart")),
)


class Service:
    """The log, the features and the way between them, on the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = LogFiles(folder)
        engine, objects = self.files.engine, self.files.objects
        self.catalogue, self.users = SqlCatalogueLog(engine), SqlUserLog(engine)
        self.corrections = SqlCorrections(engine, objects, LENGTH)
        self.people = SqlPersonStore(engine, objects)
        self.types = SqlEventTypeStore(engine, objects)
        self.writer = SqliteFeatureWriter(folder / "features.db")
        self.reader = SqliteFeatureReader(folder / "features.db")
        self.projection = self.projection_into(self.writer)

    def projection_into(self, writer: SqliteFeatureWriter) -> FeatureProjection:
        return FeatureProjection(
            self.files.log, self.catalogue, self.users, self.corrections, writer, lambda: NOW_MS
        )

    async def run(self, name: str, *arguments: Any) -> None:
        await getattr(self, f"_{name}")(*arguments)

    async def history(self, tenant: str, user: str) -> list[tuple[str, int]]:
        found = await self.reader.user(tenant, user)
        return [(event.item_id, event.timestamp_ms) for event in found.events]

    async def settled(self) -> None:
        """Wait until the features have followed everything."""
        await self.projection.recover()
        await self.projection.reach(Lane.BULK, 10**9)
        await self.projection.check()

    async def rebuilt(self) -> Path:
        """Features made anew from the log."""
        path = self.folder / "rebuilt.db"
        writer = SqliteFeatureWriter(path)
        await self.projection_into(writer).fill()
        await writer.close()
        return path

    async def close(self) -> None:
        await self.projection.close()
        await self.reader.close()
        await self.writer.close()
        await self.files.close()
        await self.files.engine.dispose()

    async def _append(self, tenant: str, lane: Lane, events: list[EventRecord]) -> None:
        stored = await append(self.files.log, tenant, events, NOW_MS, lane)
        await self.projection.follow(**{lane.value: stored.last_sequence})

    async def _put_item(self, tenant: str, item_id: str, number: int) -> None:
        item = ItemRecord(item_id, f"title {number}", ("C",), 2000, {"n": number}, None, True)
        stored = await self.catalogue.store(tenant, [item], 1)
        await self.projection.follow(items=stored.last_sequence)

    async def _put_user(self, tenant: str, user_id: str, number: int) -> None:
        attributes = {"n": number} if number else {}
        stored = await self.users.store(tenant, [UserRecord(user_id, attributes)], 1)
        await self.projection.follow(users=stored.last_sequence)

    async def _remove(self, tenant: str, event_id: str) -> None:
        correction = await self.files.archive.remove(tenant, event_id)
        await self.projection.follow(corrections=correction or 0)

    async def _merge(self, tenant: str, session: str, user: str) -> None:
        try:
            merged = await self.people.merge(tenant, session, user, 1)
        except (MergeCycle, AlreadyMerged):
            return
        await self.projection.follow(corrections=merged.correction)

    async def _erase(self, tenant: str, user: str) -> None:
        erased = await self.people.erase(tenant, await self.people.ids(tenant, user))
        await self.projection.settle(erased.correction)

    async def _weigh(self, tenant: str, event_type: str, weight: float | None) -> None:
        correction = await self.types.set(tenant, event_type, weight)
        await self.projection.follow(corrections=correction)

    async def _compact(self) -> None:
        async def followed() -> dict[Lane, int]:
            return {lane: await self.projection.applied(lane) for lane in Lane}

        chunks = SqlChunkStore(self.files.engine, self.files.objects)
        await Compaction(chunks, followed, lambda: NOW_MS + 2 * DAY_MS).run()

    async def _restart(self) -> None:
        await self.projection.close()
        await self.writer.close()
        self.writer = SqliteFeatureWriter(self.folder / "features.db")
        self.projection = self.projection_into(self.writer)
        await self.projection.recover()


def rows_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table}").fetchall()
            for table in FEATURE_TABLES
        }


def in_a_folder(empty_database: Path, run: Callable[[Service], Awaitable[None]]) -> None:
    async def served(folder: Path) -> None:
        service = Service(folder)
        try:
            await run(service)
        finally:
            await service.close()

    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patched:
        # Small, so that a few events take many steps.
        patched.setattr(feeds, "EVENT_ROWS", {Lane.LIVE: 10, Lane.BULK: 10})
        patched.setattr(feeds, "RECORDS", 3)
        patched.setattr(projection, "CORRECTION_CHUNK", 2)
        patched.setattr(feature_writer, "PORTION", 1)
        patched.setattr(event_groups, "FEW", 5)
        for module in (event_groups, histories):
            patched.setattr(module, "HISTORY_LENGTH", LENGTH)
        shutil.copy(empty_database, Path(name) / "events.db")
        anyio.run(served, Path(name))


@settings(max_examples=12)
@given(plan=st.lists(operations, min_size=4, max_size=25))
def test_features_are_those_that_the_log_gives_anew(empty_database, plan) -> None:
    async def run(service: Service) -> None:
        for name, *arguments in plan:
            await service.run(name, *arguments)
        await service.settled()
        made = await service.rebuilt()
        assert rows_of(service.folder / "features.db") == rows_of(made)
        assert list(differences(service.folder / "features.db", made)) == []

    in_a_folder(empty_database, run)


@settings(max_examples=5)
@given(plan=st.lists(st.lists(operations, min_size=1, max_size=5), min_size=1, max_size=5))
def test_so_they_are_where_much_happens_at_once(empty_database, plan) -> None:
    async def run(service: Service) -> None:
        for step in plan:
            async with anyio.create_task_group() as group:
                for name, *arguments in step:
                    if name != "restart":
                        group.start_soon(service.run, name, *arguments)
            if any(name == "restart" for name, *_ in step):
                await service.run("restart")
        await service.settled()
        made = await service.rebuilt()
        assert rows_of(service.folder / "features.db") == rows_of(made)

    in_a_folder(empty_database, run)


@settings(max_examples=5)
@given(plan=st.lists(appends, min_size=1, max_size=10))
def test_live_events_are_seen_at_once_whatever_waits_from_files(empty_database, plan) -> None:
    async def run(service: Service) -> None:
        seen: dict[tuple[str, str], tuple[Lane, EventRecord]] = {}
        for _, tenant, lane, events in plan:
            await service.run("append", tenant, lane, events)
            for event in events:
                seen.setdefault((tenant, event.event_id), (lane, event))
            if lane is Lane.LIVE:
                for user in {event.user_id for event in events}:
                    live = [
                        (one.item_id, one.timestamp_ms)
                        for (of, _), (came, one) in seen.items()
                        if of == tenant and one.user_id == user and came is Lane.LIVE
                        if one.event_type in ("view", "rating")
                    ]
                    newest = sorted(live, key=lambda event: event[1])[-LENGTH:]
                    history = await service.history(tenant, user)
                    oldest_kept = history[0][1] if len(history) == LENGTH else -1
                    assert not {one for one in newest if one[1] > oldest_kept} - set(history)

    in_a_folder(empty_database, run)


def test_a_difference_is_named(empty_database) -> None:
    async def run(service: Service) -> None:
        event = EventRecord("1", "u1", "a", "view", 0, None, None)
        await service.run("append", "acme", Lane.LIVE, [event])
        await service.run("put_user", "acme", "u2", 1)
        path = service.folder / "features.db"
        made = await service.rebuilt()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE users SET events = x'5b5d' WHERE user_id = 'u1'")
            connection.execute("DELETE FROM users WHERE user_id = 'u2'")
            connection.execute("INSERT INTO item_counts VALUES ('other', 'x', 1, x'')")
            connection.commit()
        found = list(differences(path, made))
        assert found == ["users acme/u1", "users acme/u2", "item_counts other/x"]

    in_a_folder(empty_database, run)
