"""What the rules of a tenant find in valid records, one by one."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from contracts.validation_rules import (
    AllowedRange,
    EventField,
    EventTypeRules,
    ItemRules,
    UnknownItems,
    UserRules,
)
from data_pipeline.domain.records import EventRecord, ItemRecord, UserRecord
from data_pipeline.domain.validation_rules import VersionedRules
from data_pipeline.transform.rejections import Fault

DAY_MS: Final = 86_400_000
NO_RULES: Final = EventTypeRules()
_ATTRIBUTE: Final = "attributes."


def event_fault(
    event: EventRecord, rules: VersionedRules, now_ms: int, known_items: Collection[str]
) -> Fault | None:
    """Which rule an event breaks, if any.

    `known_items` are those of the catalogue; they matter where unknown ones are rejected.
    """
    of_events = rules.rules.events
    if event.timestamp_ms > now_ms + of_events.max_seconds_ahead * 1000:
        return _in_future(rules)
    of_type = of_events.types.get(event.event_type, NO_RULES)
    place = f"events.types.{event.event_type}"
    for field in of_type.required:
        missing = event.value if field is EventField.VALUE else event.recommendation_id
        if missing is None:
            return _fault("missing_field", f"{field} is missing", f"{place}.required", rules)
    if of_type.value is not None and event.value is not None:
        said = _outside("value", event.value, of_type.value)
        if said is not None:
            return _fault("out_of_range", said, f"{place}.value", rules)
    days = of_events.max_age_days
    if days is not None and event.timestamp_ms < now_ms - days * DAY_MS:
        said = f"timestamp must be no more than {days} days ago"
        return _fault("timestamp_too_old", said, "events.max_age_days", rules)
    if of_events.unknown_items is UnknownItems.REJECT and event.item_id not in known_items:
        said = "item_id must be that of an item of the catalogue; send the item first"
        return _fault("unknown_item", said, "events.unknown_items", rules)
    return None


def item_fault(item: ItemRecord, rules: VersionedRules) -> Fault | None:
    """Which rule an item breaks, if any."""
    return _record_fault("items", item, rules.rules.items, rules)


def user_fault(user: UserRecord, rules: VersionedRules) -> Fault | None:
    """Which rule a user breaks, if any."""
    return _record_fault("users", user, rules.rules.users, rules)


def _record_fault(
    kind: str, record: ItemRecord | UserRecord, asked: ItemRules | UserRules, rules: VersionedRules
) -> Fault | None:
    for field in asked.required:
        if _is_empty(_value(record, field)):
            return _fault("missing_field", f"{field} is missing", f"{kind}.required", rules)
    for field, allowed in asked.ranges.items():
        number = _value(record, field)
        if number is None:
            continue
        place = f"{kind}.ranges.{field}"
        if isinstance(number, bool) or not isinstance(number, int | float):
            return _fault("invalid_type", f"{field} must be a number", place, rules)
        said = _outside(field, number, allowed)
        if said is not None:
            return _fault("out_of_range", said, place, rules)
    return None


def _value(record: ItemRecord | UserRecord, field: str) -> Any:
    attributes: Mapping[str, Any] = record.attributes
    if field.startswith(_ATTRIBUTE):
        return attributes.get(field.removeprefix(_ATTRIBUTE))
    return getattr(record, field)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, Sequence) and not value)


def _outside(field: str, number: float, allowed: AllowedRange) -> str | None:
    low, high = allowed.min, allowed.max
    if (low is None or number >= low) and (high is None or number <= high):
        return None
    if low is None or high is None:
        bound = f"at most {high}" if low is None else f"at least {low}"
        return f"{field} must be {bound}"
    return f"{field} must be from {low} to {high}"


def _in_future(rules: VersionedRules) -> Fault:
    seconds = rules.rules.events.max_seconds_ahead
    if rules.version == 0:
        reason = f"timestamp must be no more than {seconds // 60} minutes in the future."
        return Fault("timestamp_in_future", reason)
    said = f"timestamp must be no more than {seconds} seconds in the future"
    return _fault("timestamp_in_future", said, "events.max_seconds_ahead", rules)


def _fault(code: str, said: str, rule: str, rules: VersionedRules) -> Fault:
    return Fault(code, f"{said} (rule {rule}, rules version {rules.version}).")
