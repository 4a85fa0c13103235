"""Which checks a delivery goes through."""

from collections.abc import Collection
from typing import Any

from backends.threads import beside
from contracts.imports import DataType
from contracts.validation_rules import UnknownItems
from data_pipeline.domain.deliveries import Checked, Delivery
from data_pipeline.domain.extracted import Extracted, ExtractedEvents
from data_pipeline.domain.ports import CatalogueLog
from data_pipeline.services.event_types import EventTypes
from data_pipeline.services.validation_rules import ValidationRules
from data_pipeline.transform.events import check_events, item_ids
from data_pipeline.transform.items import check_items
from data_pipeline.transform.users import check_users


class Checks:
    """Checks records by the contract and by the rules of their tenant. Raise `PortUnavailable`."""

    def __init__(
        self, rules: ValidationRules, event_types: EventTypes, catalogue: CatalogueLog
    ) -> None:
        self._rules = rules
        self._event_types = event_types
        self._catalogue = catalogue

    async def check(self, delivery: Delivery, extracted: Extracted, now_ms: int) -> Checked[Any]:
        """Part a delivery into valid records and rejected ones."""
        tenant_id = delivery.tenant_id
        rules = await self._rules.current(tenant_id)
        if not isinstance(extracted, ExtractedEvents):
            check = check_items if delivery.data_type is DataType.ITEMS else check_users
            return await beside(extracted.rows, check, extracted, rules)
        types = await self._event_types.weights(tenant_id)
        known: Collection[str] = ()
        if rules.rules.events.unknown_items is UnknownItems.REJECT:
            named = await beside(extracted.rows, item_ids, extracted)
            known = await self._catalogue.existing(tenant_id, named)
        return await beside(extracted.rows, check_events, extracted, rules, now_ms, types, known)
