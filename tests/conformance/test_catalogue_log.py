"""Every CatalogueLog keeps the newest state of each item, in the order of the changes."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from data_pipeline.adapters.catalogue_log import SqlCatalogueLog
from data_pipeline.domain.ports import CatalogueLog
from data_pipeline.domain.records import ItemRecord, Stored

pytestmark = pytest.mark.anyio


@pytest.fixture
def catalogue(engine: AsyncEngine) -> CatalogueLog:
    return SqlCatalogueLog(engine)


def item(item_id: str, title: str | None = None, *categories: str) -> ItemRecord:
    return ItemRecord(item_id, title, categories, None, {}, None, True)


async def changes(catalogue: CatalogueLog, sequence: int = 0) -> list[tuple[str, str | None]]:
    page = await catalogue.read_after(sequence, 1_000)
    return [(content.item_id, content.title) for _, content in page.records]


async def frozen(catalogue: CatalogueLog) -> list[tuple]:
    return [tuple(row) async for chunk in catalogue.items_of("acme", 10) for row in chunk]


async def test_an_empty_catalogue_has_nothing(catalogue: CatalogueLog) -> None:
    page = await catalogue.read_after(0, 10)
    assert (list(page.records), page.last_sequence) == ([], 0)
    assert [chunk async for chunk in catalogue.items_of("acme", 10)] == []
    assert await catalogue.store("acme", [], 1) == Stored(0, 0, 0)


async def test_items_come_back_as_they_went_in(catalogue: CatalogueLog) -> None:
    full = ItemRecord(
        "i", "Ünïcode", ("B", "A"), -44, {"p": 1.0, "t": ["x"], "n": True}, (1.5, -2.0), False
    )
    stored = await catalogue.store("acme", [full], 1)
    page = await catalogue.read_after(0, 10)
    [(tenant, content)] = page.records
    assert (tenant, content.item_id, content.title) == ("acme", "i", "Ünïcode")
    assert (content.categories, content.year) == (("B", "A"), -44)
    assert content.sequence == page.last_sequence == stored.last_sequence
    assert content.attributes == {"p": 1.0, "t": ["x"], "n": True}
    assert (content.location, content.available, content.removed) == ((1.5, -2.0), False, False)
    assert await frozen(catalogue) == [("i", "Ünïcode", ["B", "A"], -44)]


async def test_an_equal_item_is_a_duplicate_and_takes_no_new_place(catalogue) -> None:
    first = await catalogue.store("acme", [item("a", "x", "C"), item("b"), item("b")], 1)
    assert (first.accepted, first.duplicates) == (2, 1)
    assert await catalogue.store("acme", [item("b"), item("a", "x", "C")], 1) == Stored(0, 2, 0)
    assert await changes(catalogue, first.last_sequence) == []


async def test_a_changed_item_replaces_and_moves_to_the_end(catalogue: CatalogueLog) -> None:
    first = await catalogue.store("acme", [item("a", "old"), item("b")], 1)
    second = await catalogue.store("acme", [item("b"), item("a", "new")], 1)
    assert (second.accepted, second.duplicates) == (1, 1)
    assert await changes(catalogue, first.last_sequence) == [("a", "new")]
    assert await changes(catalogue) == [("b", None), ("a", "new")]


async def test_of_changes_in_one_batch_the_last_stays(catalogue: CatalogueLog) -> None:
    stored = await catalogue.store("acme", [item("a", "1"), item("a", "2"), item("a", "2")], 1)
    assert (stored.accepted, stored.duplicates) == (2, 1)
    assert await changes(catalogue) == [("a", "2")]


async def test_tenants_keep_their_own_items(catalogue: CatalogueLog) -> None:
    await catalogue.store("acme", [item("a", "of acme")], 1)
    assert (await catalogue.store("other", [item("a", "of other")], 1)).accepted == 1
    assert await frozen(catalogue) == [("a", "of acme", [], None)]


async def test_pages_follow_each_other_and_chunks_are_by_id(catalogue: CatalogueLog) -> None:
    await catalogue.store("acme", [item(name) for name in "dacbe"], 1)
    position, found = 0, ""
    while (page := await catalogue.read_after(position, 2)).records:
        found += "".join(content.item_id for _, content in page.records)
        position = page.last_sequence
    assert found == "dacbe"
    chunks = [chunk async for chunk in catalogue.items_of("acme", 2)]
    assert [[one[0] for one in chunk] for chunk in chunks] == [["a", "b"], ["c", "d"], ["e"]]


async def test_a_large_batch_is_stored_whole(catalogue: CatalogueLog) -> None:
    stored = await catalogue.store("acme", [item(f"i{n}") for n in range(10_000)], 1)
    assert stored.accepted == 10_000
    again = await catalogue.store("acme", [item(f"i{n}") for n in range(10_000)], 1)
    assert again.duplicates == 10_000


async def test_a_working_catalogue_answers_a_ping(catalogue: CatalogueLog) -> None:
    await catalogue.ping()


async def test_existing_items_are_told_from_others(monkeypatch, catalogue: CatalogueLog) -> None:
    monkeypatch.setattr("data_pipeline.adapters.catalogue_log._IDS_AT_ONCE", 2)
    await catalogue.store("acme", [item(f"i{n}") for n in range(5)], 1)
    await catalogue.store("other", [item("theirs")], 1)
    wanted = ["i0", "i1", "i3", "i4", "theirs", "none", ""]
    assert await catalogue.existing("acme", wanted) == {"i0", "i1", "i3", "i4"}
    assert await catalogue.existing("acme", []) == set()
