"""Gives records of the quarantine to the pipeline again."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any, Final

from contracts.imports import DataType
from contracts.quarantine import (
    MAX_REPLAY,
    QuarantineFilter,
    QuarantineReplayed,
    StillRejected,
)
from data_pipeline.domain.accounting import (
    Departure,
    Ledger,
    Quarantine,
    QuarantineEntry,
    QuarantineExits,
    QuarantineQuery,
)
from data_pipeline.domain.deliveries import Counts, Delivery, Source
from data_pipeline.domain.errors import QuarantineChanged
from data_pipeline.extract.quarantined import extract_quarantined
from data_pipeline.services.intake import Intake, Loaded, Prepared

SHOWN_REJECTIONS: Final = 100
CUT: Final = "record_cut"

_DAY_MS: Final = 86_400_000


@dataclass(slots=True)
class ReplayReport:
    """What became of a replay; `loaded` are the deliveries that it was made of.

    `last` is the sequence of the last entry of a filter where there may be more, else None.
    """

    result: QuarantineReplayed
    loaded: Sequence[Loaded]
    last: int | None = None


@dataclass(slots=True)
class _Tally:
    """What became of the entries so far."""

    loaded: list[Loaded] = field(default_factory=list[Loaded])
    rejected: list[StillRejected] = field(default_factory=list[StillRejected])

    def result(self, missing: int = 0) -> QuarantineReplayed:
        """The answer to whoever asked."""
        loaded = sum(one.counts.loaded for one in self.loaded)
        duplicates = sum(one.counts.duplicates for one in self.loaded)
        return QuarantineReplayed(
            replayed=loaded + duplicates + len(self.rejected),
            loaded=loaded,
            duplicates=duplicates,
            rejected=len(self.rejected),
            missing=missing,
            first_rejections=self.rejected[:SHOWN_REJECTIONS],
        )


class Replays:
    """Takes entries through the same intake as what comes in anew.

    Those that are loaded, or were there already, leave the quarantine and move in their account
    in the transaction that stores them; the others stay, for the reason that holds now. Oldest
    first, so that of two states of an item the newer stays. All raise `PortUnavailable` and
    `QuarantineChanged`: what was replayed until then stays replayed, and asking again is safe.
    """

    def __init__(
        self, intake: Intake, quarantine: Quarantine, exits: QuarantineExits, ledger: Ledger
    ) -> None:
        self._intake = intake
        self._quarantine = quarantine
        self._exits = exits
        self._ledger = ledger

    async def replay(self, tenant_id: str, sequences: Sequence[int]) -> ReplayReport:
        """Replay entries as they are."""
        wanted = sorted(set(sequences))
        entries = await self._quarantine.find(tenant_id, wanted)
        tally = await self._replayed(tenant_id, entries)
        return ReplayReport(tally.result(len(wanted) - len(entries)), tally.loaded)

    async def replay_mended(
        self, tenant_id: str, records: Mapping[int, Mapping[str, Any]]
    ) -> ReplayReport:
        """Replay records in the place of entries, by their sequence."""
        entries = await self._quarantine.find(tenant_id, sorted(records))
        mended = [
            entry._replace(raw=json.dumps(records[entry.sequence]).encode(), cut=False, form="")
            for entry in entries
        ]
        tally = await self._replayed(tenant_id, mended)
        return ReplayReport(tally.result(len(records) - len(entries)), tally.loaded)

    async def replay_some(
        self, tenant_id: str, where: QuarantineFilter, after: int
    ) -> ReplayReport:
        """Replay the next entries that a filter chooses, after the sequence `after`."""
        query = QuarantineQuery(
            MAX_REPLAY,
            after=after,
            data_type=where.data_type,
            code=where.code,
            origin=where.origin,
        )
        entries = await self._quarantine.page(tenant_id, query)
        tally = await self._replayed(tenant_id, entries)
        last = entries[-1].sequence if len(entries) == MAX_REPLAY else None
        return ReplayReport(tally.result(), tally.loaded, last)

    async def _replayed(self, tenant_id: str, entries: Sequence[QuarantineEntry]) -> _Tally:
        tally = _Tally()
        whole = [entry for entry in entries if not entry.cut]
        tally.rejected += [_cut(entry) for entry in entries if entry.cut]
        # The sort keeps the order of the sequences within an account.
        for _, group in groupby(sorted(whole, key=_account), key=_account):
            await self._replay_account(tenant_id, list(group), tally)
        await self._intake.follow(tally.loaded)
        return tally

    async def _replay_account(
        self, tenant_id: str, entries: Sequence[QuarantineEntry], tally: _Tally
    ) -> None:
        """Replay entries of one account and form in one transaction."""
        source, data_type, _, form = _account(entries[0])
        rows = [entry.raw for entry in entries]
        # In a thread: a thousand records would hold up every other request.
        extracted = await asyncio.to_thread(extract_quarantined, data_type, rows, form)
        delivery = Delivery(tenant_id, data_type, source)
        checked = await self._intake.check(delivery, extracted)
        async with self._intake.prepared(delivery, checked) as prepared:
            (loaded,) = await self._intake.load([prepared], book=partial(self._book, entries))
        tally.loaded.append(loaded)
        tally.rejected += [
            StillRejected(
                quarantine_id=entries[one.index].sequence, code=one.code, reason=one.reason
            )
            for one in loaded.rejected
        ]

    async def _book(
        self, entries: Sequence[QuarantineEntry], prepared: Prepared, counts: Counts
    ) -> None:
        """Let entries go that were loaded, and move them in their account."""
        delivery, rejected = prepared.delivery, prepared.checked.rejected
        staying = {entries[one.index].sequence: (one.code, one.reason) for one in rejected}
        going = [entry.sequence for entry in entries if entry.sequence not in staying]
        removed = await self._exits.remove(delivery.tenant_id, going, Departure.REPLAYED)
        renewed = await self._exits.renew(delivery.tenant_id, staying)
        if (removed, renewed) != (len(going), len(staying)):
            raise QuarantineChanged(
                "some of these records were replayed, discarded or erased meanwhile: ask again"
            )
        moved = Counts(0, counts.loaded, counts.duplicates, -removed)
        await self._ledger.record(delivery, entries[0].received_at_ms, moved)


def _account(entry: QuarantineEntry) -> tuple[Source, DataType, int, str]:
    return entry.source, entry.data_type, entry.received_at_ms // _DAY_MS, entry.form


def _cut(entry: QuarantineEntry) -> StillRejected:
    reason = "The record was not kept as a whole: replay it with a replacement."
    return StillRejected(quarantine_id=entry.sequence, code=CUT, reason=reason)
