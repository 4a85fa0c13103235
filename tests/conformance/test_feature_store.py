"""Every feature store gives readers what its writer applied, whole transactions only."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from backends.embedded.feature_reader import SqliteFeatureReader
from backends.embedded.feature_schema import HISTORY_LENGTH
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.ports import (
    EventWeights,
    FeatureReader,
    FeatureWriter,
    HistoryCorrection,
    ItemContent,
    ItemCountCorrection,
    PortUnavailable,
    Positions,
    UserEvent,
)

pytestmark = pytest.mark.anyio


@dataclass
class Store:
    """One feature store: its writer, a reader, and how to open another of each."""

    open_writer: Callable[[], FeatureWriter]
    open_reader: Callable[[], FeatureReader]

    def __post_init__(self) -> None:
        self.writer = self.open_writer()
        self.reader = self.open_reader()


def sqlite(folder: Path) -> Store:
    path = folder / "features" / "features.db"
    return Store(lambda: SqliteFeatureWriter(path), lambda: SqliteFeatureReader(path))


IMPLEMENTATIONS = {"sqlite": sqlite}


@pytest.fixture(params=IMPLEMENTATIONS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store]:
    store = IMPLEMENTATIONS[request.param](tmp_path)
    yield store
    await store.reader.close()
    await store.writer.close()


def event(item: str, moment: int = 0, user: str = "u", value: float | None = None) -> UserEvent:
    return UserEvent(user, item, "rating", moment, value)


def item(sequence: int, item_id: str, title: str | None = None) -> ItemContent:
    return ItemContent(sequence, item_id, title, ("Horror", "Ünïcode"), 1979)


async def test_a_new_store_is_empty_and_at_its_start(store: Store) -> None:
    assert await store.writer.positions() == Positions(0, 0, 0)
    assert list(await store.reader.history("acme", "u")) == []
    assert list(await store.reader.items_after("acme", 0)) == []
    assert await store.reader.item_counts("acme") == {}


async def test_a_history_is_in_the_order_of_time_whatever_came_first(store: Store) -> None:
    late, early, middle = event("c", 30, value=4.5), event("a", -10), event("b", 20)
    await store.writer.apply_events([("acme", late), ("acme", early)], 2)
    await store.writer.apply_events([("acme", middle)], 3)
    assert list(await store.reader.history("acme", "u")) == [early, middle, late]


async def test_events_of_one_moment_stay_in_the_order_of_their_coming(store: Store) -> None:
    await store.writer.apply_events([("acme", event("b")), ("acme", event("a"))], 2)
    await store.writer.apply_events([("acme", event("c")), ("acme", event("a"))], 4)
    assert [one.item_id for one in await store.reader.history("acme", "u")] == list("baca")


async def test_a_history_keeps_the_newest_events(store: Store) -> None:
    for start in (HISTORY_LENGTH, 0, 2 * HISTORY_LENGTH):
        batch = [("acme", event(f"i{n}", n)) for n in range(start, start + HISTORY_LENGTH)]
        await store.writer.apply_events(batch, start + 1)
    kept = [one.timestamp_ms for one in await store.reader.history("acme", "u")]
    assert kept == list(range(2 * HISTORY_LENGTH, 3 * HISTORY_LENGTH))


async def test_every_event_counts_for_its_item(store: Store) -> None:
    await store.writer.apply_events([("acme", event("a")), ("acme", event("a"))], 2)
    await store.writer.apply_events([("acme", event("a")), ("acme", event("b"))], 4)
    assert await store.reader.item_counts("acme") == {"a": 3, "b": 1}


async def test_items_come_in_the_order_of_their_change(store: Store) -> None:
    await store.writer.apply_items([("acme", item(1, "z")), ("acme", item(2, "a"))], 2)
    await store.writer.apply_items([("acme", item(3, "z", "Alien"))], 3)
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
    await store.writer.apply_items([("acme", full), ("acme", item(1, "b"))], 1)
    await store.writer.apply_items([("acme", removed)], 2)
    assert list(await store.reader.items_after("acme", 0)) == [full, removed]


async def test_corrections_replace_histories_and_counts(store: Store) -> None:
    await store.writer.apply_events([("acme", event("a", 1)), ("acme", event("b", 2))], 2)
    await store.writer.correct(
        [
            HistoryCorrection("acme", "u", [event("b", 2), event("c", 3)]),
            HistoryCorrection("acme", "new", [event("a", 1, user="new")]),
            ItemCountCorrection("acme", "a", 5),
            ItemCountCorrection("acme", "b", 0),
        ],
        7,
    )
    assert list(await store.reader.history("acme", "u")) == [event("b", 2), event("c", 3)]
    assert list(await store.reader.history("acme", "new")) == [event("a", 1, user="new")]
    assert await store.reader.item_counts("acme") == {"a": 5}
    assert await store.writer.positions() == Positions(2, 0, 7)
    await store.writer.apply_events([("acme", event("d", 4)), ("acme", event("a", 0))], 4)
    assert [one.item_id for one in await store.reader.history("acme", "u")] == list("abcd")
    assert await store.reader.item_counts("acme") == {"a": 6, "d": 1}


async def test_a_history_without_events_is_removed(store: Store) -> None:
    await store.writer.apply_events([("acme", event("a")), ("other", event("a"))], 2)
    await store.writer.correct([HistoryCorrection("acme", "u", [])], 1)
    assert list(await store.reader.history("acme", "u")) == []
    assert len(await store.reader.history("other", "u")) == 1


async def test_the_newest_weights_stay(store: Store) -> None:
    assert await store.reader.event_weights("acme") == {}
    await store.writer.correct([EventWeights("acme", {"view": 0.5})], 1)
    await store.writer.correct([EventWeights("acme", {"view": 2.0, "own": 0.0})], 2)
    assert await store.reader.event_weights("acme") == {"view": 2.0, "own": 0.0}
    assert await store.reader.event_weights("other") == {}


async def test_corrections_and_position_are_applied_both_or_neither(store: Store) -> None:
    await store.writer.apply_events([("acme", event("a"))], 1)
    unstorable = UserEvent("u", "b", "view", 0, object())  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        await store.writer.correct(
            [HistoryCorrection("acme", "u", []), HistoryCorrection("acme", "x", [unstorable])], 3
        )
    assert await store.writer.positions() == Positions(1, 0, 0)
    assert len(await store.reader.history("acme", "u")) == 1


async def test_tenants_never_see_each_others_features(store: Store) -> None:
    events = [("acme", event("of-acme")), ("other", event("of-other"))]
    await store.writer.apply_events(events, 2)
    await store.writer.apply_items([("acme", item(1, "of-acme")), ("other", item(2, "x"))], 2)
    for tenant, others in (("acme", "other"), ("other", "acme")):
        history = await store.reader.history(tenant, "u")
        assert [one.item_id for one in history] == [f"of-{tenant}"]
        assert await store.reader.item_counts(tenant) == {f"of-{tenant}": 1}
        assert others not in str(await store.reader.items_after(tenant, 0))
    assert list(await store.reader.history("third", "u")) == []


async def test_both_positions_move_with_what_they_count(store: Store) -> None:
    await store.writer.apply_events([("acme", event("a"))], 7)
    assert await store.writer.positions() == Positions(7, 0, 0)
    await store.writer.apply_items([("acme", item(3, "a"))], 3)
    assert await store.writer.positions() == Positions(7, 3, 0)


async def test_features_and_position_are_applied_both_or_neither(store: Store) -> None:
    await store.writer.apply_events([("acme", event("a"))], 1)
    unstorable = UserEvent("u", "b", "view", 0, object())  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        await store.writer.apply_events([("acme", event("b", user="x")), ("acme", unstorable)], 3)
    assert await store.writer.positions() == Positions(1, 0, 0)
    assert list(await store.reader.history("acme", "x")) == []
    await store.writer.apply_events([("acme", event("b"))], 2)
    assert await store.reader.item_counts("acme") == {"a": 1, "b": 1}


async def test_what_is_applied_outlives_the_writer(store: Store) -> None:
    await store.writer.apply_events([("acme", event("a"))], 1)
    await store.writer.close()
    store.writer = store.open_writer()
    assert await store.writer.positions() == Positions(1, 0, 0)
    another = store.open_reader()
    assert len(await another.history("acme", "u")) == 1
    await another.close()


async def test_working_stores_answer_pings(store: Store) -> None:
    await store.writer.ping()
    await store.reader.ping()


async def test_a_reader_without_a_store_is_unavailable(tmp_path: Path) -> None:
    reader = SqliteFeatureReader(tmp_path / "absent.db")
    with pytest.raises(PortUnavailable, match="start data-pipeline"):
        await reader.ping()
    await reader.close()
