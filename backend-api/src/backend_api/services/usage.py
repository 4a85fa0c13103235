"""Reports of what tenants used and what it costs them."""

import csv
import io
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from backend_api.domain.access import NANOS, Clock, utc_now
from backend_api.domain.access_ports import UsageStore
from backend_api.domain.errors import DomainError
from backend_api.domain.usage import UsageCount
from contracts.public.usage import UsageReport, UsageRow, UsageTotal

DEFAULT_DAYS: Final = 30
MAX_DAYS: Final = 366


class UsageService:
    """Reads what the meters have written."""

    def __init__(self, store: UsageStore, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    async def report(
        self, tenant_id: str | None, first: date | None = None, last: date | None = None
    ) -> UsageReport:
        """Use from `first` to `last`, both included; of all tenants for None.

        It ends today (UTC) and begins 29 days before its end where nothing else is given.

        Raises:
            DomainError: `invalid_request` for a range that is backwards or longer than 366 days.
        """
        last = last or self._clock().date()
        first = first or last - timedelta(days=DEFAULT_DAYS - 1)
        if not timedelta(0) <= last - first < timedelta(days=MAX_DAYS):
            raise DomainError(
                "invalid_request", f"from must not be after to, nor {MAX_DAYS} days before it"
            )
        counts = await self._store.counts(first, last, tenant_id)
        rows = [_row(day, owner, count) for day, owner, count in counts]
        return UsageReport(rows=rows, totals=_totals([count for _, _, count in counts]))

    async def requests_this_month(self, tenant_id: str) -> int:
        """The tenant's requests of this calendar month (UTC) that have been written."""
        return await self._store.requests_since(tenant_id, self._clock().date().replace(day=1))


def usage_as_csv(report: UsageReport) -> str:
    """The rows of a report, a header line before them."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(UsageRow.model_fields))
    writer.writeheader()
    writer.writerows(row.model_dump(mode="json") for row in report.rows)
    return text.getvalue()


def _row(day: date, tenant_id: str, count: UsageCount) -> UsageRow:
    return UsageRow(
        day=day,
        tenant_id=tenant_id,
        endpoint=count.endpoint,
        requests=count.requests,
        billed_requests=count.billed_requests,
        tokens=count.tokens,
        cost=_money(count.cost),
        currency=count.currency,
    )


def _totals(counts: Sequence[UsageCount]) -> list[UsageTotal]:
    totals: list[UsageTotal] = []
    for currency in sorted({count.currency for count in counts}):
        same = [count for count in counts if count.currency == currency]
        totals.append(
            UsageTotal(
                requests=sum(count.requests for count in same),
                billed_requests=sum(count.billed_requests for count in same),
                tokens=sum(count.tokens for count in same),
                cost=_money(sum(count.cost for count in same)),
                currency=currency,
            )
        )
    return totals


def _money(nanos: int) -> Decimal:
    return Decimal(nanos) / NANOS
