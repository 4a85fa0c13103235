"""`recsys`: administration of tenants and keys, straight on the database."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar

import typer

from backend_api.bootstrap import Administration, build_administration
from backend_api.domain.errors import DomainError
from backend_api.domain.keys import ApiKey
from backend_api.settings import DatabaseSettings
from backends.ports import PortUnavailable
from instrumentation.settings import SettingsError, load_settings

T = TypeVar("T")
TenantArgument = Annotated[
    str, typer.Argument(metavar="TENANT", help="A tenant id, such as acme.", show_default=False)
]

tenant = typer.Typer(no_args_is_help=True, help="Create and list tenants.")
key = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys.")


@tenant.command("create")
def create_tenant(
    tenant_id: TenantArgument,
    name: Annotated[
        str | None, typer.Option(help="A name for people; the id where none is given.")
    ] = None,
) -> None:
    """Create a tenant, and print its id.

    An id has up to 63 lower-case letters, digits and hyphens, and cannot be changed.
    """
    created = _administer(lambda to: to.tenants.create(tenant_id, name))
    typer.echo(created.tenant_id)


@tenant.command("list")
def list_tenants() -> None:
    """List all tenants: id, time of creation, name."""
    for one in _administer(lambda to: to.tenants.all()):
        typer.echo(f"{one.tenant_id}\t{_time(one.created_at)}\t{one.name}")


@key.command("create")
def create_key(tenant_id: TenantArgument) -> None:
    """Create an API key of a tenant, and print it: this is the only time it can be seen."""
    created = _administer(lambda to: to.keys.create(tenant_id))
    typer.echo(created)
    typer.echo("Keep it now: only its hash is stored.", err=True)


@key.command("list")
def list_keys(tenant_id: TenantArgument) -> None:
    """List a tenant's keys: id, time of creation, and active or the time of revocation."""
    for one in _administer(lambda to: _keys_of(to, tenant_id)):
        state = f"revoked {_time(one.revoked_at)}" if one.revoked_at else "active"
        typer.echo(f"{one.key_id}\t{_time(one.created_at)}\t{state}")


@key.command("revoke")
def revoke_key(
    key_id: Annotated[
        str,
        typer.Argument(
            metavar="KEY_ID", help="The id of a key: what `key list` shows.", show_default=False
        ),
    ],
) -> None:
    """Revoke a key; running services refuse it within API_KEY_CACHE_SECONDS (default 30)."""
    _administer(lambda to: to.keys.revoke(key_id))
    typer.echo(f"revoked {key_id}", err=True)


async def _keys_of(administration: Administration, tenant_id: str) -> list[ApiKey]:
    await administration.tenants.get(tenant_id)
    return list(await administration.keys.of_tenant(tenant_id))


def _administer(work: Callable[[Administration], Awaitable[T]]) -> T:
    async def run(settings: DatabaseSettings) -> T:
        async with build_administration(settings) as administration:
            return await work(administration)

    try:
        return asyncio.run(run(load_settings(DatabaseSettings)))
    except SettingsError as error:
        raise _ended(error, 2) from None
    except (DomainError, PortUnavailable) as error:
        raise _ended(error, 1) from None


def _ended(error: Exception, status: int) -> typer.Exit:
    typer.echo(f"recsys: {error}", err=True)
    return typer.Exit(status)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _recsys() -> typer.Typer:
    recsys = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Administer the tenants of the recommender and their API keys.\n\n"
        "Works on the database of DATABASE_URL, by default the one under DATA_DIR (default "
        ".data), so it needs no running service. Ends with 0, with 1 where something is refused, "
        "and with 2 for a bad argument or setting.",
    )
    recsys.add_typer(tenant, name="tenant")
    recsys.add_typer(key, name="key")
    return recsys


app = _recsys()
