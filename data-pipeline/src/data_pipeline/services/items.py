"""The catalogue, item by item."""

from collections.abc import Callable, Sequence

from contracts.items import ItemChanges, ItemContent, StoredItem
from data_pipeline.domain.errors import ItemNotFound, RuleBroken
from data_pipeline.domain.items import item_record, patched_item, stored_item
from data_pipeline.domain.ports import ItemStore
from data_pipeline.domain.records import Change, ItemRecord, Versioned
from data_pipeline.domain.versions import check_version
from data_pipeline.load.projection import FeatureProjection
from data_pipeline.services.validation_rules import ValidationRules
from data_pipeline.transform.rules import item_fault


class Items:
    """Reads and changes items, and lets the features follow.

    All raise `PortUnavailable`; with `if_match`, changes raise `VersionConflict`. What breaks a
    rule of the tenant is not stored, and raises `RuleBroken`.
    """

    def __init__(
        self,
        store: ItemStore,
        rules: ValidationRules,
        projection: FeatureProjection,
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._rules = rules
        self._projection = projection
        self._now_ms = now_ms

    async def find(self, tenant_id: str, item_id: str) -> StoredItem:
        """An item. Raises `ItemNotFound`."""
        return stored_item(_existing(await self._store.find(tenant_id, item_id)))

    async def page(self, tenant_id: str, after: str | None, limit: int) -> Sequence[StoredItem]:
        """Items by id, those after the id `after`."""
        return [stored_item(item) for item in await self._store.page(tenant_id, after, limit)]

    async def put(
        self, tenant_id: str, item_id: str, content: ItemContent, if_match: int | None
    ) -> tuple[StoredItem, bool]:
        """Create or replace an item, and say whether there was none."""

        def replaced(present: Versioned[ItemRecord] | None) -> ItemRecord:
            check_version(present, if_match)
            return item_record(item_id, content)

        return await self._change(tenant_id, item_id, replaced)

    async def patch(
        self, tenant_id: str, item_id: str, changes: ItemChanges, if_match: int | None
    ) -> StoredItem:
        """Change some of an item. Raises `ItemNotFound`, `InvalidChange`."""

        def patched(present: Versioned[ItemRecord] | None) -> ItemRecord:
            item = _existing(present)
            check_version(item, if_match)
            return patched_item(item.record, changes)

        item, _ = await self._change(tenant_id, item_id, patched)
        return item

    async def remove(self, tenant_id: str, item_id: str, if_match: int | None) -> None:
        """Remove an item. Raises `ItemNotFound`."""

        def removed(present: Versioned[ItemRecord] | None) -> None:
            check_version(_existing(present), if_match)

        sequence = await self._store.change(tenant_id, item_id, removed, self._now_ms())
        assert isinstance(sequence, int)  # noqa: S101 - a removal answers with its sequence
        await self._projection.follow(items=sequence)

    async def _change(
        self,
        tenant_id: str,
        item_id: str,
        change: Callable[[Versioned[ItemRecord] | None], ItemRecord],
    ) -> tuple[StoredItem, bool]:
        rules = await self._rules.current(tenant_id)

        def sound(present: Versioned[ItemRecord] | None) -> ItemRecord:
            item = change(present)
            fault = item_fault(item, rules)
            if fault is not None:
                raise RuleBroken(fault.reason)
            return item

        changed = await self._store.change(tenant_id, item_id, sound, self._now_ms())
        assert isinstance(changed, Change)  # noqa: S101 - nothing was removed
        await self._projection.follow(items=changed.stored.version)
        return stored_item(changed.stored), changed.created


def _existing(item: Versioned[ItemRecord] | None) -> Versioned[ItemRecord]:
    if item is None:
        raise ItemNotFound("there is no such item: list the items, or put it")
    return item
