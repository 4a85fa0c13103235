"""What type checkers make of the clients: read by pyright, never run.

Were an operation to lose its exact type, in sync or in async, an `assert_type` here would fail.
"""

from collections.abc import Coroutine
from datetime import date
from typing import Any, assert_type

from recommender_client import AsyncOperator, AsyncRecommender, Operator, Recommender, new_event
from recommender_client.async_event_buffer import AsyncEventBuffer
from recommender_client.event_backlog import Delivered
from recommender_client.listings import AsyncListing, Listing
from recommender_client.models import (
    BatchResult,
    CreatedKey,
    DataType,
    ErasureReceipt,
    Filters,
    ImportJob,
    ItemContent,
    ModelComparison,
    Page,
    Scope,
    ServedRecommendations,
    StoredItem,
    StoredUser,
    Tenant,
    TrainingJob,
    UsageReport,
    UserRecommendations,
)


def sync(client: Recommender, operator: Operator) -> None:
    recommendations = client.recommendations
    assert_type(
        recommendations.for_user("u", num_items=5, filters=Filters(categories=["Drama"])),
        ServedRecommendations,
    )
    assert_type(recommendations.batch(["u", "v"], explain=True), list[UserRecommendations])
    assert_type(client.items.put("i", ItemContent(), if_version=3), StoredItem)
    assert_type(client.items.delete("i"), None)
    assert_type(client.items.list(page_size=10), Listing[StoredItem])
    for item in client.items.list():
        assert_type(item, StoredItem)
    for page in client.users.list().pages():
        assert_type(page, Page[StoredUser])
    assert_type(client.events.send([new_event("u", "i", "view")]), BatchResult)
    assert_type(client.users.erase("u"), ErasureReceipt)
    assert_type(client.imports.start(DataType.ITEMS, "items.jsonl"), ImportJob)
    assert_type(client.training.wait("j", timeout_seconds=1), TrainingJob)
    assert_type(client.models.compare("a", "b"), ModelComparison)
    assert_type(client.usage.report(since=date(2026, 1, 1)), UsageReport)
    assert_type(client.usage.csv(), str)
    assert_type(operator.keys.create("acme", scopes=[Scope.ADMIN]), CreatedKey)
    with client.event_buffer(max_events=10) as events:
        assert_type(events.close(), Delivered)


async def asynchronous(client: AsyncRecommender, operator: AsyncOperator) -> None:
    coroutine = assert_type(client.items.get("i"), Coroutine[Any, Any, StoredItem])
    assert_type(await coroutine, StoredItem)
    assert_type(await client.recommendations.for_history(["i"]), ServedRecommendations)
    assert_type(client.items.list(), AsyncListing[StoredItem])
    async for item in client.items.list():
        assert_type(item, StoredItem)
    assert_type(await client.training.wait("j"), TrainingJob)
    assert_type(await operator.tenants.suspend("acme"), Tenant)
    async with client.event_buffer() as events:
        assert_type(events, AsyncEventBuffer)


def refused(client: Recommender) -> None:
    client.items.get(item=1)  # pyright: ignore[reportCallIssue]
    client.recommendations.for_user("u", num_item=1)  # pyright: ignore[reportCallIssue]
    client.recommendations.for_user("u", num_items="1")  # pyright: ignore[reportArgumentType]
