"""`recsys key`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from backend_api.bootstrap import Administration
from backend_api.cli.administering import BAD_INPUT, administer, ended, every, shown
from backend_api.domain.audit import CLI
from backend_api.domain.keys import new_api_key
from contracts.public.access import ApiKey, CreatedKey, NewKey, Scope

commands = typer.Typer(no_args_is_help=True, help="Create, list, rotate and revoke API keys.")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = "a number with s, m, h or d, such as 90d or 12h"
OwnerArgument = Annotated[
    str | None,
    typer.Argument(metavar="TENANT", help="A tenant id; none with --operator.", show_default=False),
]
OperatorOption = Annotated[
    bool, typer.Option("--operator", help="A key of the operator: for /api/v1/admin, no tenant's.")
]
KeyArgument = Annotated[
    str,
    typer.Argument(
        metavar="KEY_ID", help="The id of a key: what `key list` shows.", show_default=False
    ),
]


@commands.command("create")
def create(
    tenant_id: OwnerArgument = None,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(
            help="What the key may do; once for each scope. None includes another. "
            "[default: read and write; admin with --operator]",
            show_default=False,
        ),
    ] = None,
    expires_in: Annotated[
        str | None, typer.Option(metavar="DURATION", help=f"{_DURATION}; never where left out.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the key is for, for people.")] = None,
    operator: OperatorOption = False,  # noqa: FBT002 - an option of the command line
) -> None:
    """Create an API key and print it: this is the only time that it can be seen."""
    owner = _owner(tenant_id, operator=operator)
    scopes = scope or ([Scope.ADMIN] if operator else [Scope.READ, Scope.WRITE])
    lasts = _duration(expires_in) if expires_in is not None else None

    async def work(to: Administration) -> CreatedKey:
        expires_at = datetime.now(UTC) + lasts if lasts is not None else None
        return await to.keys.create(
            owner, NewKey(name=name, scopes=scopes, expires_at=expires_at), CLI
        )

    _print(administer(work))


@commands.command("generate")
def generate() -> None:
    """Print a random key and store nothing: for ADMIN_API_KEY of a service."""
    typer.echo(new_api_key())


@commands.command("list")
def list_keys(
    tenant_id: OwnerArgument = None,
    operator: OperatorOption = False,  # noqa: FBT002 - an option of the command line
) -> None:
    """List keys: id, time of creation, last use, scopes, state, name."""
    owner = _owner(tenant_id, operator=operator)

    async def work(to: Administration) -> list[ApiKey]:
        if owner is not None:
            await to.tenants.get(owner)
        pages = every(lambda limit, cursor: to.keys.page(owner, limit, cursor))
        return [key async for key in pages]

    for one in administer(work):
        parts = (
            one.key_id,
            shown(one.created_at),
            shown(one.last_used_at),
            ",".join(one.scopes),
            _state(one),
            one.name or "-",
        )
        typer.echo("\t".join(parts))


@commands.command("rotate")
def rotate(
    key_id: KeyArgument,
    overlap: Annotated[
        str, typer.Option(metavar="DURATION", help=f"How long the old key works on: {_DURATION}.")
    ] = "1d",
) -> None:
    """Create a key of the same name and scopes and print it; the old one ends by itself."""
    lasts = _duration(overlap)

    async def work(to: Administration) -> CreatedKey:
        owner = await to.owner_of(key_id)
        return await to.keys.rotate(owner, key_id, lasts, CLI)

    _print(administer(work))


@commands.command("revoke")
def revoke(key_id: KeyArgument) -> None:
    """Revoke a key; running services refuse it within API_KEY_CACHE_SECONDS (default 5)."""

    async def work(to: Administration) -> None:
        await to.keys.revoke(await to.owner_of(key_id), key_id, CLI)

    administer(work)
    typer.echo(f"revoked {key_id}", err=True)


def _print(created: CreatedKey) -> None:
    typer.echo(created.key)
    typer.echo("Keep it now: only its hash is stored.", err=True)


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return f"revoked {shown(key.revoked_at)}"
    if key.expires_at is None:
        return "active"
    if key.expires_at <= datetime.now(UTC):
        return f"expired {shown(key.expires_at)}"
    return f"active until {shown(key.expires_at)}"


def _owner(tenant_id: str | None, *, operator: bool) -> str | None:
    if operator == (tenant_id is not None):
        raise ended("give a tenant, or --operator", BAD_INPUT)
    return tenant_id


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if match is None:
        raise ended(f"{text!r} is no duration: give {_DURATION}", BAD_INPUT)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
