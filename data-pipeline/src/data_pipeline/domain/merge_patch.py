"""Merge patches (RFC 7396) of attributes."""

from collections.abc import Mapping

from backends.ports import AttributeValue
from contracts.attributes import MAX_ATTRIBUTES
from data_pipeline.domain.errors import InvalidChange


def patched_attributes(
    attributes: Mapping[str, AttributeValue],
    changes: Mapping[str, AttributeValue | None] | None,
) -> Mapping[str, AttributeValue]:
    """The attributes with `changes`, where null takes one away; no changes at all take all away.

    Raises:
        InvalidChange: there would be more attributes than there may be.
    """
    if changes is None:
        return {}
    both = {**attributes, **changes}
    patched = {name: value for name, value in both.items() if value is not None}
    if len(patched) > MAX_ATTRIBUTES:
        raise InvalidChange(
            f"there would be {len(patched)} attributes, and {MAX_ATTRIBUTES} are allowed: "
            "take some away with null"
        )
    return patched
