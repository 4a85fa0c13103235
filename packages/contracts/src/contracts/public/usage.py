"""What tenants used, and what it costs them."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field


class UsageRow(BaseModel):
    """The use of one endpoint by one tenant on one day (UTC).

    Requests answered with a status below 400 are billed, at the plan's price of that moment.
    """

    day: date
    tenant_id: str
    endpoint: str
    requests: int
    billed_requests: int
    tokens: Annotated[
        int, Field(description="Units of work: items recommended, records taken in, else 1.")
    ]
    cost: Decimal
    currency: str


class UsageTotal(BaseModel):
    """The sum of the rows in one currency."""

    requests: int
    billed_requests: int
    tokens: int
    cost: Decimal
    currency: str


class UsageReport(BaseModel):
    """Use by day and endpoint, oldest day first, and its sums."""

    rows: list[UsageRow]
    totals: list[UsageTotal]
