"""`recsys audit`."""

from typing import Annotated

import orjson
import typer

from backend_api.bootstrap import Administration
from backend_api.cli.administering import administer, shown
from contracts.pages import DEFAULT_PAGE, MAX_PAGE
from contracts.public.access import AuditEntry

commands = typer.Typer(no_args_is_help=True, help="See who administered what, and when.")


@commands.command("list")
def list_entries(
    tenant: Annotated[str | None, typer.Option(help="Of this tenant only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_PAGE, help="The most entries.")] = (
        DEFAULT_PAGE
    ),
) -> None:
    """List the newest acts: time, actor (a key id, `cli`, `environment`), act, target, details."""

    async def work(to: Administration) -> list[AuditEntry]:
        return (await to.audit.page(tenant, limit)).data

    for entry in administer(work):
        details = orjson.dumps(entry.details).decode()
        typer.echo(f"{shown(entry.at)}\t{entry.actor}\t{entry.action}\t{entry.target}\t{details}")
