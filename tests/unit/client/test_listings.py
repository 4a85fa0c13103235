"""Lists: all rows, page after page, and no page before it is needed."""

import asyncio

import httpx2
import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.client.conftest import KEY, sync_client
from tests.unit.client.recommender_stub import Stub

from recommender_client import AsyncRecommender, Recommender

STUB = Stub()
TRANSPORT = httpx2.ASGITransport(STUB.app())


@given(
    ids=st.sets(st.text("abé/ ", min_size=1, max_size=3), max_size=12),
    page_size=st.integers(1, 13),
)
def test_iterating_gives_each_row_once_whatever_the_page_size(
    ids: set[str], page_size: int
) -> None:
    STUB.items.clear()
    for item_id in ids:
        STUB.add_item(item_id)

    async def listed() -> list[str]:
        async with AsyncRecommender("http://recs.test", KEY, transport=TRANSPORT) as client:
            return [item.item_id async for item in client.items.list(page_size=page_size)]

    assert asyncio.run(listed()) == sorted(ids)


def test_a_page_is_fetched_when_its_first_row_is_needed(stub: Stub, client: Recommender) -> None:
    for number in range(5):
        stub.add_item(f"i{number}")
    rows = iter(client.items.list(page_size=2))
    assert stub.seen == []
    assert [next(rows).item_id, next(rows).item_id] == ["i0", "i1"]
    assert len(stub.seen) == 1
    assert next(rows).item_id == "i2"
    assert len(stub.seen) == 2


def test_a_listing_can_be_iterated_again(stub: Stub, portal: BlockingPortal) -> None:
    stub.add_item("a")
    with sync_client(stub, portal) as client:
        listing = client.items.list()
        assert [item.item_id for item in listing] == ["a"]
        stub.add_item("b")
        assert [item.item_id for item in listing] == ["a", "b"]


def test_pages_go_on_from_a_cursor(stub: Stub, client: Recommender) -> None:
    for number in range(5):
        stub.add_item(f"i{number}")
    first = next(client.items.list(page_size=2).pages())
    rest = [
        row.item_id for page in client.items.list().pages(first.next_cursor) for row in page.data
    ]
    assert rest == ["i2", "i3", "i4"]


@pytest.mark.anyio
async def test_a_failure_within_a_list_is_asked_again(
    stub: Stub, async_client: AsyncRecommender
) -> None:
    for number in range(4):
        stub.add_item(f"i{number}")
    rows = aiter(async_client.items.list(page_size=2))
    first = [await anext(rows), await anext(rows)]
    stub.faults.append(503)
    assert [row.item_id for row in first] + [row.item_id async for row in rows] == [
        "i0",
        "i1",
        "i2",
        "i3",
    ]
