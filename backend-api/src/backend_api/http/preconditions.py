"""If-Match and If-None-Match: what a record must be for a change to be made."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Header

from backend_api.domain.errors import RefusedByService
from backend_api.domain.product_errors import InvalidPrecondition, VersionConflict

_TAG: Final = re.compile(r'"(\d{1,18})"', re.ASCII)
_CONFLICT: Final = "version_conflict"
_NOT_FOUND: Final = 404
RecordT = TypeVar("RecordT")
_ANY_TAG: Final = re.compile(r'(?:W/)?"[^"]*"')


@dataclass(frozen=True, slots=True)
class Precondition:
    """The version that the record must have: 0 is none yet, None any; or it must be there."""

    version: int | None = None
    must_exist: bool = False


def _precondition(
    if_match: Annotated[
        str | None, Header(description='The ETag that the record must have, such as `"7"`.')
    ] = None,
    if_none_match: Annotated[
        str | None, Header(description="`*`: the record must not be there yet.")
    ] = None,
) -> Precondition:
    if if_match is not None and if_none_match is not None:
        raise InvalidPrecondition("send If-Match or If-None-Match, not both")
    if if_none_match is not None:
        if if_none_match.strip() != "*":
            raise InvalidPrecondition("If-None-Match of a change must be *")
        return Precondition(version=0)
    if if_match is None:
        return Precondition()
    return _matching(if_match.strip())


def _matching(if_match: str) -> Precondition:
    if if_match == "*":
        return Precondition(must_exist=True)
    version = _TAG.fullmatch(if_match)
    if version is not None and int(version[1]) > 0:
        return Precondition(version=int(version[1]))
    if _ANY_TAG.fullmatch(if_match) is not None:
        # A tag of somebody else's, or a weak one: no record of ours can match it.
        raise VersionConflict
    raise InvalidPrecondition('If-Match must be one ETag in quotes, such as "7", or *')


Preconditioned = Annotated[Precondition, Depends(_precondition)]


def version_to_match(condition: Precondition) -> int | None:
    """What a record that is there must match. Raises `VersionConflict` for `If-None-Match: *`."""
    if condition.version == 0:
        raise VersionConflict
    return condition.version


async def put_record(
    condition: Precondition,
    put: Callable[[int | None], Awaitable[RecordT]],
    current: Callable[[], Awaitable[RecordT]],
) -> tuple[RecordT, bool]:
    """Put a record by `put(version to match)`, which 0 makes create only; whether it is new.

    Raises:
        VersionConflict: `If-Match: *`, and there is no such record.
        RefusedByService: another condition is not met.
    """
    if condition.must_exist:
        try:
            await current()
        except RefusedByService as error:
            if error.problem.status != _NOT_FOUND:
                raise
            raise VersionConflict from error
        return await put(None), False
    if condition.version is not None:
        return await put(condition.version), condition.version == 0
    try:
        return await put(0), True
    except RefusedByService as error:
        if error.code != _CONFLICT:
            raise
    return await put(None), False
