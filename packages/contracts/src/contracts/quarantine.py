"""The quarantine: records that were not loaded, kept to be mended and replayed."""

from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.accounting import RecordSource
from contracts.imports import DataType
from contracts.pages import Cursor

MAX_REPLAY: Final = 1_000
"""Records that a replay may name, by their ids or with replacements."""

QuarantineId = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""The number of a record in quarantine."""

FaultCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""Why a record was rejected, in one stable word."""

Origin = Annotated[str, StringConstraints(min_length=1, max_length=300)]
"""The import that a record came in, or its Kafka topic and partition as `topic/0`."""


class RawEncoding(StrEnum):
    """How the bytes of a record are written as text."""

    UTF8 = "utf-8"
    BASE64 = "base64"


class QuarantinedRecord(BaseModel):
    """A record that was not loaded, and why.

    `place` is its index in the batch, its row in the file or its offset in the partition. Of a
    record of more than 64 KiB the beginning is kept only (`cut`): it can be replayed by a
    replacement alone.
    """

    quarantine_id: int
    data_type: DataType
    source: RecordSource
    origin: str
    place: int
    code: str
    reason: str
    cut: bool
    received_at: AwareDatetime
    expires_at: AwareDatetime


class QuarantinedContent(QuarantinedRecord):
    """The same with its bytes as they came, as text: in base64 where they are not UTF-8."""

    raw: str
    raw_encoding: RawEncoding


class QuarantineFilter(BaseModel):
    """Records in quarantine of these kinds; without any, all of them."""

    model_config = ConfigDict(extra="forbid")

    data_type: DataType | None = None
    code: FaultCode | None = None
    origin: Origin | None = None


class Replacement(BaseModel):
    """A mended record, in the place of one in quarantine."""

    # NaN would become null on its way, and pass for no value.
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="constants")

    quarantine_id: QuarantineId
    record: dict[str, Any]


class QuarantineReplay(BaseModel):
    """What to give to the pipeline again.

    Either some by their `ids`, as they are; or some by `replacements`, the mended records; or all
    that a `filter` chooses. A filter is worked through in steps: `cursor` is the `next_cursor` of
    the step before.
    """

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[QuarantineId], Field(min_length=1, max_length=MAX_REPLAY)] | None = None
    replacements: (
        Annotated[list[Replacement], Field(min_length=1, max_length=MAX_REPLAY)] | None
    ) = None
    filter: QuarantineFilter | None = None
    cursor: Cursor | None = None

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if [self.ids, self.replacements, self.filter].count(None) != 2:
            raise ValueError("give one of ids, replacements and filter")
        replaced = {one.quarantine_id for one in self.replacements or ()}
        if len(replaced) < len(self.replacements or ()):
            raise ValueError("there are two replacements for one record")
        if self.cursor is not None and self.filter is None:
            raise ValueError("a cursor is for a filter")
        return self


class StillRejected(BaseModel):
    """A record that stays in quarantine, and why now."""

    quarantine_id: int
    code: str
    reason: str


class QuarantineReplayed(BaseModel):
    """What became of a replay: replayed = loaded + duplicates + rejected.

    `first_rejections` names the first of those that stay. `next_cursor` is null where a filter
    chooses no more; `missing` counts the ids that are not in quarantine.
    """

    replayed: int
    loaded: int
    duplicates: int
    rejected: int
    missing: int
    first_rejections: list[StillRejected]
    next_cursor: str | None = None
