"""A tenant's rules reject what they name, and say which rule of which version it was."""

from typing import Any

import pytest
from pydantic import ValidationError
from tests.unit.data_pipeline.extracted_rows import extracted_events, extracted_records

from contracts.events import DEFAULT_WEIGHTS
from contracts.validation_rules import RuleSet
from data_pipeline.domain.validation_rules import STANDARD_RULES, VersionedRules
from data_pipeline.transform.events import check_events
from data_pipeline.transform.items import check_items
from data_pipeline.transform.users import check_users

NOW_MS = 1_750_000_000_000
NOW = NOW_MS // 1000
EVENT: dict[str, Any] = {
    "event_id": "e",
    "user_id": "u",
    "item_id": "i",
    "event_type": "purchase",
    "timestamp": NOW,
}
ITEM: dict[str, Any] = {"item_id": "i"}


def rules(**kinds: Any) -> VersionedRules:
    return VersionedRules(7, RuleSet.model_validate(kinds), 0)


def refusal(event: dict[str, Any], of_events: dict[str, Any], *known: str) -> tuple[str, str]:
    """Code and reason of the only rejection, beside an event without any fault."""
    sound = {**EVENT, "value": 2, "recommendation_id": "r"}
    checked = check_events(
        extracted_events([sound, event]), rules(events=of_events), NOW_MS, DEFAULT_WEIGHTS, known
    )
    assert checked.valid.num_rows == 1
    [rejected] = checked.rejected
    assert rejected.index == 1
    return rejected.code, rejected.reason


@pytest.mark.parametrize(
    ("changes", "of_events", "code", "words"),
    [
        (
            {},
            {"types": {"purchase": {"required": ["value"]}}},
            "missing_field",
            "value is missing (rule events.types.purchase.required, rules version 7).",
        ),
        (
            {},
            {"types": {"purchase": {"required": ["recommendation_id"]}}},
            "missing_field",
            "recommendation_id is missing (rule events.types.purchase.required",
        ),
        (
            {"value": 5.5},
            {"types": {"purchase": {"value": {"min": 0, "max": 5}}}},
            "out_of_range",
            "value must be from 0 to 5 (rule events.types.purchase.value, rules version 7).",
        ),
        (
            {"value": -1},
            {"types": {"purchase": {"value": {"min": 0.5}}}},
            "out_of_range",
            "value must be at least 0.5 (rule",
        ),
        (
            {"value": 6},
            {"types": {"purchase": {"value": {"max": 5}}}},
            "out_of_range",
            "value must be at most 5 (rule",
        ),
        (
            {"timestamp": NOW + 61},
            {"max_seconds_ahead": 60},
            "timestamp_in_future",
            "no more than 60 seconds in the future (rule events.max_seconds_ahead, rules",
        ),
        (
            {"timestamp": NOW - 31 * 86_400},
            {"max_age_days": 30},
            "timestamp_too_old",
            "no more than 30 days ago (rule events.max_age_days, rules version 7).",
        ),
        (
            {"event_type": "rating"},
            {"types": {"rating": {"value": {"min": 0}}}},
            "missing_value",
            "an event of type rating must carry the rating",
        ),
    ],
)
def test_an_event_that_breaks_a_rule_is_told_which(changes, of_events, code, words) -> None:
    found, reason = refusal({**EVENT, **changes}, of_events)
    assert found == code
    assert words in reason


def test_an_unknown_item_is_rejected_where_the_rules_say_so() -> None:
    found, reason = refusal({**EVENT, "item_id": "j"}, {"unknown_items": "reject"}, "i")
    assert found == "unknown_item"
    assert "item_id must be that of an item of the catalogue" in reason
    assert "(rule events.unknown_items, rules version 7)." in reason


def test_rules_of_a_type_leave_the_others_alone() -> None:
    asked = rules(events={"types": {"view": {"required": ["value"], "value": {"min": 1}}}})
    one = extracted_events([EVENT, {**EVENT, "value": -5}])
    assert check_events(one, asked, NOW_MS, DEFAULT_WEIGHTS).valid.num_rows == 2


def test_a_range_says_nothing_of_a_value_that_is_not_there() -> None:
    asked = rules(events={"types": {"purchase": {"value": {"min": 1}}}})
    checked = check_events(extracted_events([EVENT]), asked, NOW_MS, DEFAULT_WEIGHTS)
    assert checked.valid.num_rows == 1


def test_rules_may_allow_clocks_a_day_ahead() -> None:
    late = extracted_events([{**EVENT, "timestamp": NOW + 86_400}])
    wide = rules(events={"max_seconds_ahead": 86_400})
    assert check_events(late, wide, NOW_MS, DEFAULT_WEIGHTS).valid.num_rows == 1
    [rejected] = check_events(late, STANDARD_RULES, NOW_MS, DEFAULT_WEIGHTS).rejected
    assert rejected.reason == "timestamp must be no more than 5 minutes in the future."


@pytest.mark.parametrize(
    ("changes", "of_items", "code", "words"),
    [
        *[
            (changes, {"required": [field]}, "missing_field", f"{field} is missing (rule items.req")
            for field, changes in [
                ("title", {}),
                ("title", {"title": ""}),
                ("categories", {"categories": []}),
                ("year", {}),
                ("location", {}),
                ("attributes.price", {"attributes": {"Price": 1}}),
            ]
        ],
        (
            {"year": 1800},
            {"ranges": {"year": {"min": 1888}}},
            "out_of_range",
            "year must be at least 1888 (rule items.ranges.year, rules version 7).",
        ),
        (
            {"attributes": {"price": -0.01}},
            {"ranges": {"attributes.price": {"min": 0, "max": 100}}},
            "out_of_range",
            "attributes.price must be from 0 to 100 (rule items.ranges.attributes.price, rules",
        ),
        *[
            (
                {"attributes": {"price": value}},
                {"ranges": {"attributes.price": {"min": 0}}},
                "invalid_type",
                "attributes.price must be a number (rule items.ranges.attributes.price",
            )
            for value in ("9", True, ["9"])
        ],
    ],
)
def test_an_item_that_breaks_a_rule_is_told_which(changes, of_items, code, words) -> None:
    full = {
        **ITEM,
        "title": "t",
        "categories": ["c"],
        "year": 1999,
        "location": {"latitude": 0, "longitude": 0},
        "attributes": {"price": 0},
    }
    records = extracted_records([full, {**ITEM, **changes}])
    checked = check_items(records, rules(items=of_items))
    assert [item.item_id for item in checked.valid] == ["i"]
    [rejected] = checked.rejected
    assert (rejected.index, rejected.code) == (1, code)
    assert words in rejected.reason


def test_a_number_that_is_not_there_is_in_every_range() -> None:
    asked = rules(items={"ranges": {"year": {"min": 1}, "attributes.price": {"max": 0}}})
    assert len(check_items(extracted_records([ITEM]), asked).valid) == 1


def test_users_have_rules_of_their_own() -> None:
    asked = rules(users={"required": ["attributes.age"], "ranges": {"attributes.age": {"min": 18}}})
    ages: list[dict[str, Any]] = [{"age": 18}, {"age": 17}, {}, {"age": False}]
    records = [{"user_id": "u", "attributes": attributes} for attributes in ages]
    checked = check_users(extracted_records(records), asked)
    assert [user.attributes for user in checked.valid] == [{"age": 18}]
    assert [(one.index, one.code) for one in checked.rejected] == [
        (1, "out_of_range"),
        (2, "missing_field"),
        (3, "invalid_type"),
    ]
    assert "(rule users.ranges.attributes.age, rules version 7)" in checked.rejected[0].reason


@pytest.mark.parametrize(
    "wrong",
    [
        {"events": {"max_seconds_ahead": -1}},
        {"events": {"max_seconds_ahead": 86_401}},
        {"events": {"max_age_days": 0}},
        {"events": {"unknown_items": "maybe"}},
        {"events": {"types": {"Not a name": {}}}},
        {"events": {"types": {"view": {"required": ["user_id"]}}}},
        {"events": {"types": {"view": {"value": {}}}}},
        {"events": {"types": {"view": {"value": {"min": 2, "max": 1}}}}},
        {"items": {"required": ["item_id"]}},
        {"items": {"required": ["attributes."]}},
        {"items": {"ranges": {"title": {"min": 1}}}},
        {"users": {"required": ["title"]}},
        {"users": {"ranges": {"attributes.age": {"min": "x"}}}},
        {"rules": {}},
    ],
    ids=str,
)
def test_what_is_no_rule_is_refused(wrong) -> None:
    with pytest.raises(ValidationError):
        RuleSet.model_validate(wrong)
