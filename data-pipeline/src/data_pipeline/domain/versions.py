"""The condition under which a record may be changed."""

from typing import Any

from data_pipeline.domain.errors import VersionConflict
from data_pipeline.domain.records import Versioned


def check_version(present: Versioned[Any] | None, if_match: int | None) -> None:
    """Raise `VersionConflict` unless the record has the version `if_match`.

    0 stands for no record, None for any version.
    """
    version = present.version if present is not None else 0
    if if_match is None or if_match == version:
        return
    if if_match == 0:
        raise VersionConflict("it exists already: leave out the condition to replace it")
    if version == 0:
        raise VersionConflict(f"it does not exist, so it has no version {if_match}")
    raise VersionConflict(
        f"it has version {version} now, not {if_match}: read it again and repeat the change"
    )
