"""The books as callers see them."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Final

from contracts.accounting import (
    MAX_ACCOUNTING_DAYS,
    Accounting,
    BooksDiffer,
    QuarantineCounts,
    RecordAccount,
    RecordCounts,
    RecordSource,
)
from data_pipeline.domain.accounting import (
    Account,
    Departure,
    Ledger,
    Quarantine,
    QuarantineExits,
)
from data_pipeline.domain.errors import InvalidPeriod
from data_pipeline.domain.moments import moment

_DEFAULT_DAYS: Final = timedelta(days=29)


class Accounts:
    """Shows the books of tenants. `now_ms` is Unix time in milliseconds."""

    def __init__(
        self,
        ledger: Ledger,
        quarantine: Quarantine,
        exits: QuarantineExits,
        now_ms: Callable[[], int],
    ) -> None:
        self._ledger = ledger
        self._quarantine = quarantine
        self._exits = exits
        self._now_ms = now_ms

    async def of(
        self, tenant_id: str, first: date | None = None, last: date | None = None
    ) -> Accounting:
        """The books of some days, both included: by default of the thirty until today.

        Raises:
            InvalidPeriod: it ends before it begins, or is too long.
            PortUnavailable: the books cannot be read.
        """
        last = last or moment(self._now_ms()).date()
        first = first or max(date.min + _DEFAULT_DAYS, last) - _DEFAULT_DAYS
        if not 0 <= (last - first).days < MAX_ACCOUNTING_DAYS:
            raise InvalidPeriod(
                f"the period must have 1 to {MAX_ACCOUNTING_DAYS} days: `to` is its last day"
            )
        accounts = await self._ledger.accounts(tenant_id, first, last)
        imbalances = await self._ledger.imbalances(tenant_id)
        waiting = await self._quarantine.sizes(tenant_id)
        departed = await self._exits.departed(tenant_id)
        return Accounting(
            first=first,
            last=last,
            totals=_total(accounts),
            by_source={
                RecordSource(source): _total([one for one in accounts if one.source is source])
                for source in sorted({one.source for one in accounts})
            },
            by_data_type={
                data_type: _total([one for one in accounts if one.data_type is data_type])
                for data_type in sorted({one.data_type for one in accounts})
            },
            accounts=[_shown(one) for one in accounts],
            quarantine=QuarantineCounts(
                waiting=waiting.get(tenant_id, 0),
                discarded=departed.get(Departure.DISCARDED, 0),
                expired=departed.get(Departure.EXPIRED, 0),
                erased=departed.get(Departure.ERASED, 0),
            ),
            balanced=not imbalances,
            differences=[
                BooksDiffer(what=one.what, expected=one.expected, found=one.found)
                for one in imbalances
            ],
        )


def _total(accounts: Sequence[Account]) -> RecordCounts:
    counts = [one.counts for one in accounts]
    return RecordCounts(
        received=sum(one.received for one in counts),
        loaded=sum(one.loaded for one in counts),
        duplicates=sum(one.duplicates for one in counts),
        quarantined=sum(one.quarantined for one in counts),
    )


def _shown(account: Account) -> RecordAccount:
    return RecordAccount(
        day=account.day,
        source=RecordSource(account.source),
        data_type=account.data_type,
        **account.counts._asdict(),
    )
