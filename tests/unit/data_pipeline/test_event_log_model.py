"""Whatever is sent, removed, merged, erased and compacted in whatever order, by several replicas:
the log reads as a plain list of events would."""

import shutil
import tempfile
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.event_logs import LogFiles, append, batch_of, places, places_after

from data_pipeline.adapters import chunk_rewriting, event_log
from data_pipeline.adapters.chunk_store import SqlChunkStore
from data_pipeline.adapters.person_store import SqlPersonStore
from data_pipeline.domain.chunk_store import Kind
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.errors import AlreadyMerged, MergeCycle
from data_pipeline.domain.events import STORED_EVENT_SCHEMA
from data_pipeline.domain.records import EventFilter, EventQuery, EventRecord

TENANTS = st.sampled_from(["acme", "acme", "other"])
IDS = st.integers(0, 20).map(str)
USERS = st.sampled_from(["u1", "u2", "anon"])
events = st.lists(
    st.builds(
        EventRecord,
        event_id=IDS,
        user_id=USERS,
        item_id=st.sampled_from("abc"),
        event_type=st.just("view"),
        timestamp_ms=st.integers(0, 4),
        value=st.sampled_from([None, 1.5]),
        recommendation_id=st.none(),
    ),
    max_size=8,
)
appends = st.tuples(st.just("append"), TENANTS, events, st.sampled_from(list(Lane)))
operations = st.one_of(
    appends,
    appends,
    st.tuples(st.just("give_up"), TENANTS, events),
    st.tuples(st.just("remove"), TENANTS, IDS),
    st.tuples(st.just("merge"), TENANTS, USERS, USERS),
    st.tuples(st.just("erase"), TENANTS, USERS),
    st.tuples(st.just("compact"), st.sampled_from(list(Kind))),
    st.tuples(st.just("restart")),
)


class Model:
    """The log as a list of (tenant, event, lane), and the names of users."""

    def __init__(self) -> None:
        self.log: list[tuple[str, EventRecord, Lane]] = []
        self.owners: dict[tuple[str, str], str] = {}

    def append(self, tenant: str, events: list[EventRecord], lane: Lane) -> int:
        before = len(self.log)
        for event in events:
            if not any(of == tenant and e.event_id == event.event_id for of, e, _ in self.log):
                self.log.append((tenant, event, lane))
        return len(self.log) - before

    def drop(self, tenant: str, **wanted: set[str]) -> int:
        [(name, values)] = wanted.items()
        before = len(self.log)
        self.log = [
            (of, event, lane)
            for of, event, lane in self.log
            if of != tenant or getattr(event, name) not in values
        ]
        return before - len(self.log)

    def merge(self, tenant: str, session: str, user: str) -> None:
        for key, owner in self.owners.items():
            if key[0] == tenant and owner == session:
                self.owners[key] = user
        self.owners[tenant, session] = user

    def named(self, tenant: str, event: EventRecord) -> EventRecord:
        owner = self.owners.get((tenant, event.user_id), event.user_id)
        return event._replace(user_id=owner)


class World:
    """Two replicas on the files of a folder, which take turns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = Model()
        self.replicas = [LogFiles(folder), LogFiles(folder)]

    @property
    def files(self) -> LogFiles:
        return self.replicas[0]

    async def run(self, name: str, *arguments: Any) -> None:
        await getattr(self, f"_{name}")(*arguments)
        self.replicas.reverse()

    async def _append(self, tenant: str, events: list[EventRecord], lane: Lane) -> None:
        stored = await append(self.files.log, tenant, events, lane=lane)
        accepted = self.model.append(tenant, events, lane)
        assert (stored.accepted, stored.duplicates) == (accepted, len(events) - accepted)

    async def _give_up(self, tenant: str, events: list[EventRecord]) -> None:
        with suppress(ZeroDivisionError):
            async with self.files.log.staged(tenant, batch_of(events), 1, Lane.LIVE):
                raise ZeroDivisionError

    async def _remove(self, tenant: str, event_id: str) -> None:
        removed = await self.files.archive.remove(tenant, event_id)
        assert (removed is not None) == self.model.drop(tenant, event_id={event_id})

    async def _merge(self, tenant: str, session: str, user: str) -> None:
        people = SqlPersonStore(self.files.engine, self.files.objects)
        with suppress(MergeCycle, AlreadyMerged):
            merged = await people.merge(tenant, session, user, 1)
            self.model.merge(tenant, session, merged.user_id)

    async def _erase(self, tenant: str, user: str) -> None:
        people = SqlPersonStore(self.files.engine, self.files.objects)
        user_ids = await people.ids(tenant, user)
        erased = await people.erase(tenant, user_ids)
        assert erased.removed.events == self.model.drop(tenant, user_id=set(erased.user_ids))
        self.model.owners = {
            key: owner
            for key, owner in self.model.owners.items()
            if key[0] != tenant or owner not in erased.user_ids
        }

    async def _compact(self, kind: Kind) -> None:
        upto = dict.fromkeys(Lane, 10**9)

        async def positions() -> dict[Lane, int]:
            return upto

        store = SqlChunkStore(self.files.engine, self.files.objects)
        for group in await store.groups(upto):
            await store.merge(group, kind, positions)

    async def _restart(self) -> None:
        await self.files.close()
        self.replicas[0] = LogFiles(self.folder)

    async def check(self) -> None:
        files, model = self.files, self.model
        for lane in Lane:
            read = sorted(await places_after(files.log, lane), key=lambda place: place.sequence)
            expected = [(of, model.named(of, event)) for of, event, at in model.log if at is lane]
            assert [(place.tenant, place.event) for place in read] == expected
        for tenant in ("acme", "other"):
            of_tenant = [event for of, event, _ in model.log if of == tenant]
            names = STORED_EVENT_SCHEMA.names
            async with aclosing(files.log.scan(tenant, names, EventFilter())) as batches:
                scanned = [place async for batch in batches for place in places(tenant, batch)]
            scanned.sort(key=lambda place: place.sequence)
            assert [place.event for place in scanned] == of_tenant
            page = await files.archive.page(tenant, EventQuery(3))
            newest = [model.named(tenant, event) for event in reversed(of_tenant)][:3]
            assert [one.event for one in page] == newest
            await self._check_order(tenant, [model.named(tenant, event) for event in of_tenant])

    async def _check_order(self, tenant: str, named: list[EventRecord]) -> None:
        async with aclosing(self.files.archive.training_events(tenant, 5)) as batches:
            rows = [row async for batch in batches for row in batch.to_pylist()]
        keys = [(e.user_id, e.timestamp_ms, e.item_id, e.value or 0.0) for e in named]
        found = [
            (row["user_id"], row["timestamp"].microsecond // 1000, row["item_id"], row["value"])
            for row in rows
        ]
        assert [(*key[:3], key[3] or 0.0) for key in found] == sorted(keys)

    async def close(self) -> None:
        for one in self.replicas:
            await one.close()


@settings(max_examples=20)
@given(st.lists(operations, min_size=4, max_size=25), st.sampled_from([2, 20_000]))
def test_the_log_reads_as_a_list_of_events_would(empty_database, plan, inline_rows) -> None:
    async def run(folder: Path) -> None:
        world = World(folder)
        for operation in plan:
            await world.run(*operation)
        await world.check()
        await world.close()

    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_log, "INLINE_ROWS", inline_rows)
        patch.setattr(chunk_rewriting, "INLINE_ROWS", inline_rows)
        shutil.copy(empty_database, Path(name) / "events.db")
        anyio.run(run, Path(name))
