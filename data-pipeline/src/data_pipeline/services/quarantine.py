"""The records in quarantine as callers see them: listed, shown, discarded."""

import base64
from collections.abc import Sequence
from typing import Final

from contracts.accounting import RecordSource
from contracts.quarantine import QuarantinedContent, QuarantinedRecord, RawEncoding
from data_pipeline.domain.accounting import (
    Departure,
    Quarantine,
    QuarantinedPeople,
    QuarantineEntry,
    QuarantineExits,
    QuarantineQuery,
)
from data_pipeline.domain.errors import QuarantinedRecordNotFound
from data_pipeline.domain.moments import moment

DAY_MS: Final = 86_400_000


class QuarantinedRecords:
    """Reads and discards what is in quarantine. All raise `PortUnavailable`.

    Entries expire `days` days after their arrival.
    """

    def __init__(
        self,
        quarantine: Quarantine,
        exits: QuarantineExits,
        people: QuarantinedPeople,
        days: int,
    ) -> None:
        self._quarantine = quarantine
        self._exits = exits
        self._people = people
        self._kept_ms = days * DAY_MS

    async def page(
        self, tenant_id: str, query: QuarantineQuery
    ) -> tuple[Sequence[QuarantinedRecord], int]:
        """Records, and the sequence of the last of them, 0 without any."""
        found = await self._quarantine.page(tenant_id, query)
        return [self._described(one) for one in found], found[-1].sequence if found else 0

    async def find(self, tenant_id: str, sequence: int) -> QuarantinedContent:
        """A record with its bytes. Raises `QuarantinedRecordNotFound`."""
        for entry in await self._quarantine.find(tenant_id, [sequence]):
            return self._content(entry)
        raise _not_found()

    async def discard(self, tenant_id: str, sequence: int) -> None:
        """Forget a record. Raises `QuarantinedRecordNotFound`."""
        if not await self._exits.remove(tenant_id, [sequence], Departure.DISCARDED):
            raise _not_found()

    async def of_users(
        self, tenant_id: str, user_ids: Sequence[str]
    ) -> Sequence[QuarantinedContent]:
        """The records that name one of these users, oldest first."""
        return [self._content(one) for one in await self._people.of_users(tenant_id, user_ids)]

    async def erase(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """Forget the records that name one of these users; how many there were."""
        return await self._people.erase(tenant_id, user_ids)

    def _content(self, entry: QuarantineEntry) -> QuarantinedContent:
        try:
            raw, encoding = entry.raw.decode(), RawEncoding.UTF8
        except UnicodeDecodeError:
            raw, encoding = base64.b64encode(entry.raw).decode(), RawEncoding.BASE64
        described = self._described(entry).model_dump()
        return QuarantinedContent(**described, raw=raw, raw_encoding=encoding)

    def _described(self, entry: QuarantineEntry) -> QuarantinedRecord:
        return QuarantinedRecord(
            quarantine_id=entry.sequence,
            data_type=entry.data_type,
            source=RecordSource(entry.source),
            origin=entry.origin,
            place=entry.place,
            code=entry.code,
            reason=entry.reason,
            cut=entry.cut,
            received_at=moment(entry.received_at_ms),
            expires_at=moment(entry.received_at_ms + self._kept_ms),
        )


def _not_found() -> QuarantinedRecordNotFound:
    return QuarantinedRecordNotFound(
        "there is no such record in quarantine: it was replayed, discarded or has expired"
    )
