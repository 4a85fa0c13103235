"""`recsys plan`."""

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from backend_api.bootstrap import Administration
from backend_api.cli.administering import BAD_INPUT, administer, ended, every
from backend_api.domain.audit import CLI
from contracts.public.access import Plan, PlanSettings, RateLimit, RouteClass

commands = typer.Typer(
    no_args_is_help=True, help="Set, list and delete plans: rate limits, quota and price."
)
PlanArgument = Annotated[
    str, typer.Argument(metavar="PLAN", help="A plan id, such as standard.", show_default=False)
]
_LIMIT = "PER_SECOND:BURST, such as 100:200; no limit where it is left out."
LimitOption = Annotated[str | None, typer.Option(metavar="RATE:BURST", help=_LIMIT)]


@commands.command("list")
def list_all() -> None:
    """List all plans: id, price of 1,000 requests, requests a month, limits by route class."""

    async def listed(to: Administration) -> list[Plan]:
        return [plan async for plan in every(to.plans.page)]

    for plan in administer(listed):
        limits = " ".join(
            f"{name}={limit.per_second:g}/s:{limit.burst}" for name, limit in plan.limits.items()
        )
        price = f"{plan.price_per_1000_requests} {plan.currency}"
        quota = "any" if plan.monthly_requests is None else str(plan.monthly_requests)
        typer.echo(f"{plan.plan_id}\t{price}\t{quota}\t{limits or 'no limits'}")


@commands.command("set")
def set_plan(
    plan_id: PlanArgument,
    price: Annotated[str, typer.Option(help="What 1,000 requests cost, such as 0.50.")],
    currency: Annotated[str, typer.Option(help="ISO 4217, such as EUR.")] = "EUR",
    monthly_requests: Annotated[
        int | None, typer.Option(help="Requests in a calendar month (UTC); any where left out.")
    ] = None,
    serving: LimitOption = None,
    ingestion: LimitOption = None,
    management: LimitOption = None,
) -> None:
    """Create a plan, or replace what it says; its tenants have the new limits from now on."""
    given = {
        RouteClass.SERVING: serving,
        RouteClass.INGESTION: ingestion,
        RouteClass.MANAGEMENT: management,
    }
    limits = {name: _limit(text) for name, text in given.items() if text is not None}

    async def work(to: Administration) -> Plan:
        settings = PlanSettings(
            limits={
                name: RateLimit(per_second=rate, burst=burst)
                for name, (rate, burst) in limits.items()
            },
            monthly_requests=monthly_requests,
            price_per_1000_requests=_price(price),
            currency=currency,
        )
        Plan(plan_id=plan_id, **settings.model_dump())
        plan, _ = await to.plans.put(plan_id, settings, CLI)
        return plan

    typer.echo(administer(work).plan_id)


@commands.command("delete")
def delete(plan_id: PlanArgument) -> None:
    """Delete a plan that no tenant is on; the default plan stays."""
    administer(lambda to: to.plans.delete(plan_id, CLI))
    typer.echo(f"deleted {plan_id}", err=True)


def _limit(text: str) -> tuple[float, int]:
    rate, _, burst = text.partition(":")
    try:
        return float(rate), int(burst)
    except ValueError:
        raise ended(f"{text!r} is no limit: give {_LIMIT}", BAD_INPUT) from None


def _price(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ended(f"{text!r} is no price: give a number such as 0.50", BAD_INPUT) from None
