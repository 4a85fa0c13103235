"""`recsys usage`."""

from datetime import datetime
from typing import Annotated

import typer

from backend_api.bootstrap import Administration
from backend_api.cli.administering import administer
from backend_api.services.usage import usage_as_csv
from contracts.public.usage import UsageReport

commands = typer.Typer(no_args_is_help=True, help="See what tenants used and what it costs them.")
DayOption = datetime | None


@commands.callback()
def group() -> None:
    """See what tenants used and what it costs them."""


@commands.command("report")
def report(
    tenant: Annotated[str | None, typer.Option(help="Of this tenant only.")] = None,
    first: Annotated[
        DayOption,
        typer.Option("--from", formats=["%Y-%m-%d"], help="The first day (UTC)."),
    ] = None,
    last: Annotated[
        DayOption, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day (UTC).")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV with a header line.")] = False,  # noqa: FBT002 - an option of the command line
) -> None:
    """Report requests, tokens and cost by day, tenant and endpoint: the last 30 days if not said.

    Requests answered with a status below 400 are billed, at the plan's price of that moment.
    """

    async def work(to: Administration) -> UsageReport:
        return await to.usage.report(
            tenant, first.date() if first else None, last.date() if last else None
        )

    found = administer(work)
    if as_csv:
        typer.echo(usage_as_csv(found), nl=False)
        return
    for row in found.rows:
        typer.echo(
            f"{row.day}\t{row.tenant_id}\t{row.endpoint}\t{row.requests}\t{row.tokens}\t"
            f"{row.cost} {row.currency}"
        )
    for total in found.totals:
        typer.echo(f"total\t{total.requests}\t{total.tokens}\t{total.cost} {total.currency}")
