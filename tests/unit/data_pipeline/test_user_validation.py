"""Each fault of a user has its code, and a reason that says what is expected."""

import pytest
from tests.unit.data_pipeline.extracted_rows import extracted_records, raw

from data_pipeline.domain.records import UserRecord
from data_pipeline.domain.validation_rules import STANDARD_RULES
from data_pipeline.transform.users import check_users


def test_a_valid_user_is_kept_as_it_is() -> None:
    users = [{"user_id": "u", "attributes": {"plan": "gold"}}, {"user_id": "bare"}]
    checked = check_users(extracted_records(users), STANDARD_RULES)
    assert checked.valid == [UserRecord("u", {"plan": "gold"}), UserRecord("bare", {})]


@pytest.mark.parametrize(
    ("record", "code", "words"),
    [
        ("x", "not_an_object", "the fields of a user: user_id, attributes"),
        ({}, "missing_field", "user_id is missing"),
        ({"user_id": "u", "name": "n"}, "unexpected_field", "'name' is no field of a user"),
        ({"user_id": ""}, "invalid_identifier", "user_id must be"),
        ({"user_id": "u", "attributes": {"a": None}}, "invalid_value", "attributes must be"),
    ],
)
def test_a_fault_has_its_code_and_reason(record, code, words) -> None:
    [rejection] = check_users(extracted_records([record]), STANDARD_RULES).rejected
    assert (rejection.index, rejection.code, rejection.raw) == (0, code, raw(0))
    assert words in rejection.reason
