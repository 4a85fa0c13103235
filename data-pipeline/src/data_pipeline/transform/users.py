"""Validates users one by one."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from contracts.events import RejectedRecord
from contracts.users import User
from data_pipeline.domain.records import Checked, UserRecord
from data_pipeline.transform.rejections import ATTRIBUTES, RecordKind

_ADAPTER: Final = TypeAdapter(User)
_KIND: Final = RecordKind(
    "a user",
    {
        "user_id": "a string of 1 to 256 characters without control characters",
        "attributes": ATTRIBUTES,
    },
)


def check_users(records: Sequence[Any]) -> Checked[UserRecord]:
    """Part a batch into valid users and rejections."""
    valid: list[UserRecord] = []
    rejected: list[RejectedRecord] = []
    for index, record in enumerate(records):
        try:
            user = _ADAPTER.validate_python(record)
        except ValidationError as error:
            rejected.append(_KIND.rejection(index, error))
        else:
            valid.append(UserRecord(user.user_id, user.attributes))
    return Checked(valid, rejected)
