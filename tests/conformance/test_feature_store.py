"""Every feature store gives readers what its writer applied, whole transactions only."""

import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import anyio
import pytest
from tests.event_batches import event_batch, event_update

from backends.embedded import feature_writer
from backends.embedded.feature_file import replace_features
from backends.embedded.feature_reader import LOOK_SECONDS, SqliteFeatureReader
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.feature_values.histories import HISTORY_LENGTH
from backends.ports import (
    COUNTED_DAYS,
    EventUpdate,
    EventWeights,
    FeatureReader,
    FeatureWriter,
    Filled,
    ItemContent,
    ItemCount,
    ItemCountCorrection,
    ItemUpdate,
    PortUnavailable,
    Positions,
    UserContent,
    UserCorrection,
    UserEvent,
    UserFeatures,
    UserUpdate,
)
from backends.scaled.redis_features import writer as redis_writer
from backends.scaled.redis_features.reader import RedisFeatureReader
from backends.scaled.redis_features.writer import RedisFeatureWriter
from contracts.events import DEFAULT_WEIGHTS

pytestmark = pytest.mark.anyio

DAY_MS = 86_400_000


@dataclass
class Store:
    """One feature store: its writer, a reader, and how to open another of each."""

    open_writer: Callable[[], FeatureWriter]
    open_reader: Callable[[], FeatureReader]

    def __post_init__(self) -> None:
        self.writer = self.open_writer()
        self.reader = self.open_reader()
        self.sequence = 0

    async def add(self, *events: UserEvent, tenant: str = "acme", user: str = "u") -> None:
        """Apply events of one user."""
        self.sequence = max([self.sequence, *[event.sequence for event in events]])
        update = event_update(tenant, [(user, event) for event in events], self.sequence)
        await self.writer.apply(update)

    async def history(self, tenant: str = "acme", user: str = "u") -> list[UserEvent]:
        return list((await self.reader.user(tenant, user)).events)

    async def counts(self, tenant: str = "acme") -> dict[str, int]:
        found = await self.reader.item_counts(tenant)
        return {item_id: count.events for item_id, count in found.items()}


def sqlite(folder: Path) -> Store:
    path = folder / "features" / "features.db"
    return Store(lambda: SqliteFeatureWriter(path), lambda: SqliteFeatureReader(path))


@pytest.fixture(params=["sqlite", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store]:
    if request.param == "sqlite":
        store = sqlite(tmp_path)
    else:
        url = request.getfixturevalue("shared_redis").url
        store = Store(lambda: RedisFeatureWriter(url), lambda: RedisFeatureReader(url, 5))
        await store.writer.positions()
    await store.writer.apply(Filled(Positions()))
    yield store
    await store.reader.close()
    await store.writer.close()


def event(
    item: str, moment: int = 0, sequence: int = 1, value: float | None = None, type_: str = "rating"
) -> UserEvent:
    return UserEvent(item, type_, moment, value, sequence)


def item(sequence: int, item_id: str, title: str | None = None) -> ItemContent:
    return ItemContent(sequence, item_id, title, ("Horror", "Ünïcode"), 1979)


async def test_a_new_store_is_empty_and_at_its_start(store: Store) -> None:
    assert await store.writer.positions() == Positions(0, 0, 0, 0, 0)
    assert await store.reader.user("acme", "u") == UserFeatures((), {})
    assert list(await store.reader.items_after("acme", 0)) == []
    assert await store.reader.item_counts("acme") == {}


async def test_a_history_is_in_the_order_of_time_whatever_came_first(store: Store) -> None:
    late, early, middle = event("c", 30, 1, 4.5), event("a", -10, 2), event("b", 20, 3)
    await store.add(late, early)
    await store.add(middle)
    assert await store.history() == [early, middle, late]


async def test_events_of_one_moment_are_in_the_order_of_the_log(store: Store) -> None:
    await store.add(event("c", sequence=3), event("a", sequence=4))
    await store.add(event("b", sequence=1), event("a", sequence=2))
    assert [one.item_id for one in await store.history()] == list("baca")


async def test_a_history_keeps_the_newest_events(store: Store) -> None:
    for start in (HISTORY_LENGTH, 0, 2 * HISTORY_LENGTH):
        moments = range(start, start + HISTORY_LENGTH)
        await store.add(*[event(f"i{n}", n, n + 1) for n in moments])
    kept = [one.timestamp_ms for one in await store.history()]
    assert kept == list(range(2 * HISTORY_LENGTH, 3 * HISTORY_LENGTH))


async def test_every_event_counts_for_its_item(store: Store) -> None:
    await store.add(event("a", sequence=1), event("a", sequence=2))
    await store.add(event("a", sequence=3), event("b", sequence=4))
    assert await store.counts() == {"a": 3, "b": 1}


async def test_recent_events_count_by_age_from_the_newest_day_of_the_tenant(store: Store) -> None:
    await store.add(event("new", 14 * DAY_MS, 1), event("both", 7 * DAY_MS, 2))
    await store.add(event("both", 14 * DAY_MS + 5, 3), event("old", 5, 4))
    await store.add(event("other", 100 * DAY_MS, 5), tenant="other")
    assert await store.reader.item_counts("acme") == {
        "new": ItemCount(1, 1.0),
        "both": ItemCount(2, 1.5),
        "old": ItemCount(1, 0.25),
    }


async def test_only_the_newest_days_with_events_are_counted_by_themselves(store: Store) -> None:
    days = [2 * n for n in range(COUNTED_DAYS + 10)]
    random.Random(1).shuffle(days)
    for sequence, day in enumerate(days):
        await store.add(event("a", day * DAY_MS, sequence))
    (count,) = (await store.reader.item_counts("acme")).values()
    expected = sum(2 ** (-2 * n / 7) for n in range(COUNTED_DAYS))
    assert count == ItemCount(COUNTED_DAYS + 10, pytest.approx(expected))


async def test_items_come_in_the_order_of_their_change(store: Store) -> None:
    await store.writer.apply(ItemUpdate([("acme", item(1, "z")), ("acme", item(2, "a"))], 2))
    await store.writer.apply(ItemUpdate([("acme", item(3, "z", "Alien"))], 3))
    assert list(await store.reader.items_after("acme", 0)) == [
        item(2, "a"),
        item(3, "z", "Alien"),
    ]
    assert list(await store.reader.items_after("acme", 2)) == [item(3, "z", "Alien")]
    assert list(await store.reader.items_after("acme", 3)) == []


async def test_items_keep_all_they_are_and_a_removed_one_comes_once_more(store: Store) -> None:
    full = ItemContent(
        1, "a", None, (), None, {"p": 1.5, "t": ["x"], "n": True}, (1.0, -2.5), available=False
    )
    removed = ItemContent(2, "b", None, (), None, available=False, removed=True)
    await store.writer.apply(ItemUpdate([("acme", full), ("acme", item(1, "b"))], 1))
    await store.writer.apply(ItemUpdate([("acme", removed)], 2))
    assert list(await store.reader.items_after("acme", 0)) == [full, removed]


async def test_attributes_and_events_of_a_user_are_kept_side_by_side(store: Store) -> None:
    profile = {"age": 30, "tags": ["x", "ü"], "pro": True}
    await store.writer.apply(UserUpdate([("acme", UserContent("u", profile))], 3))
    await store.add(event("a"))
    assert await store.reader.user("acme", "u") == UserFeatures([event("a")], profile)
    await store.writer.apply(UserUpdate([("acme", UserContent("u", {"age": 31}))], 4))
    assert await store.reader.user("acme", "u") == UserFeatures([event("a")], {"age": 31})
    await store.writer.apply(UserUpdate([("acme", UserContent("u", {}))], 5))
    assert await store.reader.user("acme", "u") == UserFeatures([event("a")], {})
    assert await store.reader.user("other", "u") == UserFeatures((), {})
    assert (await store.writer.positions()).users == 5


async def test_corrections_replace_users_and_counts(store: Store) -> None:
    await store.add(event("a", 1, 1), event("b", 2, 2))
    await store.writer.apply(UserUpdate([("acme", UserContent("u", {"gone": 1}))], 1))
    kept, moved = [event("b", 2, 2), event("c", 3, 3)], [event("a", 1, 1)]
    await store.writer.correct(
        [
            UserCorrection("acme", "u", kept),
            UserCorrection("acme", "new", moved, {"age": 3}),
            ItemCountCorrection("acme", "a", 5, {date(1970, 1, 1): 3, date(1969, 12, 31): 2}),
            ItemCountCorrection("acme", "b", 0, {}),
        ],
        7,
    )
    assert await store.reader.user("acme", "u") == UserFeatures(kept, {})
    assert await store.reader.user("acme", "new") == UserFeatures(moved, {"age": 3})
    recent = 3 + 2 * 2 ** (-1 / 7)
    assert await store.reader.item_counts("acme") == {"a": ItemCount(5, pytest.approx(recent))}
    assert await store.writer.positions() == Positions(2, 0, 0, 1, 7)
    await store.add(event("d", 4, 4), event("a", 0, 5))
    assert [one.item_id for one in await store.history()] == list("abcd")
    assert await store.counts() == {"a": 6, "d": 1}


async def test_a_user_without_anything_is_removed(store: Store) -> None:
    await store.add(event("a"))
    await store.add(event("a"), tenant="other")
    await store.writer.apply(UserUpdate([("acme", UserContent("u", {"age": 1}))], 1))
    await store.writer.correct([UserCorrection("acme", "u", [])], 1)
    assert await store.reader.user("acme", "u") == UserFeatures((), {})
    assert len(await store.history("other")) == 1


async def test_the_newest_weights_stay(store: Store) -> None:
    assert await store.reader.event_weights("acme") == {}
    await store.writer.correct([EventWeights("acme", {"view": 0.5})], 1)
    await store.writer.correct([EventWeights("acme", {"view": 2.0, "own": 0.0})], 2)
    assert await store.reader.event_weights("acme") == {"view": 2.0, "own": 0.0}
    assert await store.reader.event_weights("other") == {}
    await store.writer.correct([EventWeights("acme", dict(DEFAULT_WEIGHTS))], 3)
    assert await store.reader.event_weights("acme") == {}


async def test_corrections_and_position_are_applied_both_or_neither(store: Store) -> None:
    await store.add(event("a"))
    unstorable = UserEvent("b", "view", 0, object(), 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        await store.writer.correct(
            [UserCorrection("acme", "u", []), UserCorrection("acme", "x", [unstorable])], 3
        )
    assert await store.writer.positions() == Positions(live=1)
    assert len(await store.history()) == 1


async def test_tenants_never_see_each_others_features(store: Store) -> None:
    batches = [(of, event_batch([("u", event(f"of-{of}"))])) for of in ("other", "acme")]
    await store.writer.apply(EventUpdate("live", batches, 2))
    items = [("acme", item(1, "of-acme")), ("other", item(2, "x"))]
    await store.writer.apply(ItemUpdate(items, 2))
    for tenant, others in (("acme", "other"), ("other", "acme")):
        assert [one.item_id for one in await store.history(tenant)] == [f"of-{tenant}"]
        assert await store.counts(tenant) == {f"of-{tenant}": 1}
        assert others not in str(await store.reader.items_after(tenant, 0))
    assert await store.history("third") == []


async def test_each_position_moves_with_what_it_counts(store: Store) -> None:
    one = [("u", event("a"))]
    await store.writer.apply(event_update("acme", one, 7))
    await store.writer.apply(event_update("acme", [("u", event("a", 0, 2))], 5, "bulk"))
    await store.writer.apply(ItemUpdate([("acme", item(3, "a"))], 3))
    await store.writer.apply(UserUpdate([], 4))
    await store.writer.apply(event_update("acme", [], 9))
    assert await store.writer.positions() == Positions(9, 5, 3, 4, 0)


async def test_features_and_position_are_applied_both_or_neither(store: Store) -> None:
    await store.add(event("a"))
    unstorable = ItemContent(1, "x", None, (), None, {"p": object()})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        await store.writer.apply(ItemUpdate([("acme", item(1, "a")), ("acme", unstorable)], 3))
    assert await store.writer.positions() == Positions(live=1)
    assert list(await store.reader.items_after("acme", 0)) == []


async def test_portions_come_to_the_whole_and_do_no_harm_if_repeated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_writer, "PORTION", 2)
    monkeypatch.setattr(redis_writer, "PORTION", 2)
    events = [(f"u{n % 5}", event(f"i{n % 3}", n, n + 1)) for n in range(20)]
    update = event_update("acme", events, 20, "bulk")
    portions = [portion async for portion in store.writer.portions(update)]
    assert [portion.position for portion in portions] == [None, None, 20]
    await store.writer.apply(portions[0])
    await store.writer.apply(portions[1])
    assert (await store.writer.positions(), await store.counts()) == (Positions(), {})
    async for portion in store.writer.portions(update):
        await store.writer.apply(portion)
    assert await store.writer.positions() == Positions(bulk=20)
    assert await store.counts() == {"i0": 7, "i1": 7, "i2": 6}
    for n in range(5):
        assert await store.history(user=f"u{n}") == [e for user, e in events if user == f"u{n}"]


async def test_what_is_applied_outlives_the_writer(store: Store) -> None:
    await store.add(event("a"))
    await store.writer.close()
    store.writer = store.open_writer()
    assert await store.writer.positions() == Positions(live=1)
    another = store.open_reader()
    assert len((await another.user("acme", "u")).events) == 1
    await another.close()


async def test_a_write_that_nobody_waits_for_any_more_is_finished_first(store: Store) -> None:
    events = [(f"u{n}", event("a", n, n + 1)) for n in range(2_000)]
    with anyio.move_on_after(0.001) as scope:
        await store.writer.apply(event_update("acme", events, 2_000))
    assert scope.cancelled_caught
    assert await store.writer.positions() == Positions(live=2_000)
    await store.writer.ping()


async def test_working_stores_answer_pings(store: Store) -> None:
    await store.writer.ping()
    await store.reader.ping()


async def test_a_reader_without_a_store_is_unavailable(tmp_path: Path) -> None:
    reader = SqliteFeatureReader(tmp_path / "absent.db")
    with pytest.raises(PortUnavailable, match="start data-pipeline"):
        await reader.ping()
    await reader.close()


async def test_a_reader_notices_that_another_file_is_in_place(tmp_path: Path) -> None:
    path, other = tmp_path / "features.db", tmp_path / "other.db"
    for place, item_id in ((path, "a"), (other, "b")):
        writer = SqliteFeatureWriter(place)
        await writer.apply(event_update("acme", [("u", event(item_id))], 1))
        await writer.close()
    now = [0.0]
    reader = SqliteFeatureReader(path, lambda: now[0])
    assert (await reader.user("acme", "u")).events[0].item_id == "a"
    replace_features(path, other)
    now[0] += LOOK_SECONDS
    assert (await reader.user("acme", "u")).events[0].item_id == "b"
    await reader.close()
