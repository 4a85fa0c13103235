"""The catalogue."""

from collections.abc import Iterable

from contracts.events import BatchResult
from contracts.items import ItemBatch, ItemChanges, ItemContent, StoredItem
from contracts.pages import DEFAULT_PAGE, Page
from recommender_client.calls import IF_NEW, Call, Plan, at_version, fetch, nothing, write
from recommender_client.groups.batches import Record, in_batches
from recommender_client.listings import Pages, pages
from recommender_client.operations import Group, Operation, Paged, RunnerT

_item = StoredItem.model_validate_json
_item_page = Page[StoredItem].model_validate_json


class Items(Group[RunnerT]):
    """What can be recommended.

    `if_version` is the `version` that the record must still have, so that nobody's change is
    lost; where it has another one, `VersionConflict` is raised.
    """

    @Operation
    def send(self, items: Iterable[Record]) -> Plan[BatchResult]:
        """Create or replace items, in a request for each 10,000.

        Look at `rejected` for those that were not stored. A request of which all were rejected
        raises `InvalidRequest`.
        """
        return in_batches(items, lambda rows: ItemBatch(items=rows), "items")

    @Operation
    def put(
        self, item_id: str, content: ItemContent, *, if_version: int | None = None
    ) -> Call[StoredItem]:
        """Create or replace an item."""
        condition = at_version(if_version)
        return write("PUT", _item, "items", item_id, body=content, condition=condition)

    @Operation
    def create(self, item_id: str, content: ItemContent) -> Call[StoredItem]:
        """Create an item; `VersionConflict` where there is one of this id."""
        return write("PUT", _item, "items", item_id, body=content, condition=IF_NEW)

    @Operation
    def patch(
        self, item_id: str, changes: ItemChanges, *, if_version: int | None = None
    ) -> Call[StoredItem]:
        """Change what `changes` sets; None takes away."""
        condition = at_version(if_version)
        return write("PATCH", _item, "items", item_id, body=changes, condition=condition)

    @Operation
    def get(self, item_id: str) -> Call[StoredItem]:
        """One item."""
        return fetch(_item, "items", item_id)

    @Operation
    def delete(self, item_id: str, *, if_version: int | None = None) -> Call[None]:
        """Remove an item: it is never recommended again."""
        return write("DELETE", nothing, "items", item_id, condition=at_version(if_version))

    @Paged
    def list(self, *, page_size: int = DEFAULT_PAGE) -> Pages[StoredItem]:
        """All items, by id."""
        return pages(_item_page, "items", page_size=page_size)
