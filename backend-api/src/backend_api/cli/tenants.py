"""`recsys tenant`."""

from typing import Annotated

import typer

from backend_api.bootstrap import Administration
from backend_api.cli.administering import TenantArgument, administer, every, shown
from backend_api.domain.audit import CLI
from backend_api.services.tenants import checked_tenant_id
from contracts.public.access import (
    DEFAULT_PLAN,
    NewTenant,
    Tenant,
    TenantChanges,
    TenantStatus,
)

commands = typer.Typer(
    no_args_is_help=True, help="Create, list, suspend and resume tenants; choose their plans."
)


@commands.command("create")
def create(
    tenant_id: TenantArgument,
    name: Annotated[
        str | None, typer.Option(help="A name for people; the id where none is given.")
    ] = None,
    plan: Annotated[str, typer.Option(help="The plan to be on.")] = DEFAULT_PLAN,
) -> None:
    """Create a tenant, and print its id.

    An id has up to 63 lower-case letters, digits and hyphens, and cannot be changed. The next
    step is a key: `recsys key create TENANT`.
    """

    async def work(to: Administration) -> Tenant:
        new = NewTenant(tenant_id=checked_tenant_id(tenant_id), name=name, plan_id=plan)
        return await to.tenants.create(new, CLI)

    typer.echo(administer(work).tenant_id)


@commands.command("list")
def list_all() -> None:
    """List all tenants: id, time of creation, status, plan, name."""

    async def work(to: Administration) -> list[Tenant]:
        return [tenant async for tenant in every(to.tenants.page)]

    for one in administer(work):
        typer.echo(
            f"{one.tenant_id}\t{shown(one.created_at)}\t{one.status}\t{one.plan_id}\t{one.name}"
        )


@commands.command("show")
def show(tenant_id: TenantArgument) -> None:
    """Show a tenant with the limits and the price of its plan, as JSON."""

    async def work(to: Administration) -> str:
        tenant = await to.tenants.get(tenant_id)
        plan = await to.plans.get(tenant.plan_id)
        return f"{tenant.model_dump_json(indent=2)}\n{plan.model_dump_json(indent=2)}"

    typer.echo(administer(work))


@commands.command("suspend")
def suspend(tenant_id: TenantArgument) -> None:
    """Refuse all requests of a tenant (403 tenant_suspended) until it is resumed."""
    _change(tenant_id, TenantChanges(status=TenantStatus.SUSPENDED))


@commands.command("resume")
def resume(tenant_id: TenantArgument) -> None:
    """Accept a suspended tenant's requests again."""
    _change(tenant_id, TenantChanges(status=TenantStatus.ACTIVE))


@commands.command("set-plan")
def set_plan(
    tenant_id: TenantArgument,
    plan_id: Annotated[str, typer.Argument(metavar="PLAN", help="A plan id: see `plan list`.")],
) -> None:
    """Put a tenant on another plan; what it used before keeps its price."""

    async def work(to: Administration) -> Tenant:
        return await to.tenants.change(tenant_id, TenantChanges(plan_id=plan_id), CLI)

    typer.echo(f"{tenant_id} is on plan {administer(work).plan_id}", err=True)


def _change(tenant_id: str, changes: TenantChanges) -> None:
    changed = administer(lambda to: to.tenants.change(tenant_id, changes, CLI))
    typer.echo(f"{tenant_id} is {changed.status}", err=True)
