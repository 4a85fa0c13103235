"""Records that were not loaded, and the books of all that came in."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from contracts.accounting import Accounting
from contracts.imports import DataType
from contracts.pages import DEFAULT_PAGE, Page
from contracts.quarantine import (
    MAX_REPLAY,
    QuarantinedContent,
    QuarantinedRecord,
    QuarantineFilter,
    QuarantineReplay,
    QuarantineReplayed,
    Replacement,
)
from recommender_client.calls import Call, Plan, ask, fetch, nothing, write
from recommender_client.listings import Pages, pages
from recommender_client.operations import Group, Operation, Paged, RunnerT

_record_page: Final = Page[QuarantinedRecord].model_validate_json
_replayed: Final = QuarantineReplayed.model_validate_json


class Quarantine(Group[RunnerT]):
    """Records that were not loaded: look at them, mend what was wrong, replay them."""

    @Paged
    def list(
        self,
        *,
        data_type: DataType | None = None,
        code: str | None = None,
        origin: str | None = None,
        page_size: int = DEFAULT_PAGE,
    ) -> Pages[QuarantinedRecord]:
        """Records, newest first; `origin` is an import's id or a Kafka partition."""
        return pages(
            _record_page,
            "quarantine",
            page_size=page_size,
            data_type=None if data_type is None else data_type.value,
            code=code,
            origin=origin,
        )

    @Operation
    def get(self, quarantine_id: int) -> Call[QuarantinedContent]:
        """One record with its bytes."""
        read = QuarantinedContent.model_validate_json
        return fetch(read, "quarantine", str(quarantine_id))

    @Operation
    def discard(self, quarantine_id: int) -> Call[None]:
        """Forget a record for good."""
        return write("DELETE", nothing, "quarantine", str(quarantine_id))

    @Operation
    def replay(self, quarantine_ids: Sequence[int]) -> Plan[QuarantineReplayed]:
        """Replay records as they are; those that are rejected stay."""
        total = _nothing_replayed()
        for first in range(0, len(quarantine_ids), MAX_REPLAY):
            some = quarantine_ids[first : first + MAX_REPLAY]
            total = _sum(total, (yield from ask(_replay(QuarantineReplay(ids=[*some])))))
        return total

    @Operation
    def replay_mended(self, records: Mapping[int, Mapping[str, Any]]) -> Plan[QuarantineReplayed]:
        """Replay mended records, by the ids of those in whose place they are."""
        total = _nothing_replayed()
        mended = [
            Replacement(quarantine_id=quarantine_id, record=dict(record))
            for quarantine_id, record in records.items()
        ]
        for first in range(0, len(mended), MAX_REPLAY):
            wanted = QuarantineReplay(replacements=mended[first : first + MAX_REPLAY])
            total = _sum(total, (yield from ask(_replay(wanted))))
        return total

    @Operation
    def replay_all(
        self,
        *,
        data_type: DataType | None = None,
        code: str | None = None,
        origin: str | None = None,
    ) -> Plan[QuarantineReplayed]:
        """Replay all records of these kinds, in a request for each 1,000, the oldest first."""
        where = QuarantineFilter(data_type=data_type, code=code, origin=origin)
        total = _nothing_replayed()
        while True:
            wanted = QuarantineReplay(filter=where, cursor=total.next_cursor)
            total = _sum(total, (yield from ask(_replay(wanted))))
            if total.next_cursor is None:
                return total


class Books(Group[RunnerT]):
    """What became of everything that was sent."""

    @Operation
    def get(self, *, first: date | None = None, last: date | None = None) -> Call[Accounting]:
        """The books of some days, both included; by default of the thirty until today."""
        days = {"from_": first and first.isoformat(), "to": last and last.isoformat()}
        return fetch(Accounting.model_validate_json, "accounting", **days)


def _replay(wanted: QuarantineReplay) -> Call[QuarantineReplayed]:
    return write("POST", _replayed, "quarantine", "replay", body=wanted)


def _nothing_replayed() -> QuarantineReplayed:
    return QuarantineReplayed(
        replayed=0, loaded=0, duplicates=0, rejected=0, missing=0, first_rejections=[]
    )


def _sum(total: QuarantineReplayed, more: QuarantineReplayed) -> QuarantineReplayed:
    return QuarantineReplayed(
        replayed=total.replayed + more.replayed,
        loaded=total.loaded + more.loaded,
        duplicates=total.duplicates + more.duplicates,
        rejected=total.rejected + more.rejected,
        missing=total.missing + more.missing,
        first_rejections=[*total.first_rejections, *more.first_rejections],
        next_cursor=more.next_cursor,
    )
