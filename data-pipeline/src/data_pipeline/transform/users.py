"""Validates users one by one."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from contracts.users import User
from data_pipeline.domain.deliveries import Checked
from data_pipeline.domain.extracted import ExtractedRecords
from data_pipeline.domain.records import UserRecord
from data_pipeline.domain.validation_rules import VersionedRules
from data_pipeline.transform.one_by_one import check_one_by_one
from data_pipeline.transform.rejections import ATTRIBUTES, Fault, RecordKind
from data_pipeline.transform.rules import user_fault

_ADAPTER: Final = TypeAdapter(User)
_KIND: Final = RecordKind(
    "a user",
    {
        "user_id": "a string of 1 to 256 characters without control characters",
        "attributes": ATTRIBUTES,
    },
)


def check_users(
    extracted: ExtractedRecords, rules: VersionedRules
) -> Checked[Sequence[UserRecord]]:
    """Part users into valid ones and rejected ones."""
    return check_one_by_one(extracted, lambda record: _checked(record, rules))


def _checked(record: Any, rules: VersionedRules) -> UserRecord | Fault:
    try:
        user = _ADAPTER.validate_python(record)
    except ValidationError as error:
        return _KIND.fault(error)
    kept = UserRecord(user.user_id, user.attributes)
    return user_fault(kept, rules) or kept
