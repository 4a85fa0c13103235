"""Tenants for the load: made by the operator's API, each with a catalogue and a past."""

import argparse
import os
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from benchmarks.load.traffic import ITEMS, Tenant, Traffic
from recommender_client import Operator, Recommender
from recommender_client.models import DataType, PlanSettings, Scope

PLAN: Final = "load"
PAST: Final = 2_000
"""Events of each tenant before the load."""

_TIMEOUT_SECONDS: Final = 120.0


def operator_key(parser: argparse.ArgumentParser) -> str:
    """The key of the environment; without one the program ends with a line that says so."""
    key = os.environ.get("ADMIN_API_KEY", "")
    if not key:
        parser.error("set ADMIN_API_KEY to a key of the operator")
    return key


def make_tenants(url: str, operator_key: str, run: str, count: int) -> Sequence[Tenant]:
    """New tenants on a plan without limits."""
    unlimited = PlanSettings(limits={}, price_per_1000_requests=Decimal(0), currency="EUR")
    tenants: list[Tenant] = []
    with Operator(url, operator_key, timeout=_TIMEOUT_SECONDS) as operator:
        operator.plans.put(PLAN, unlimited)
        for number in range(count):
            tenant_id = f"load-{run}-{number}"
            operator.tenants.create(tenant_id, plan_id=PLAN)
            created = operator.keys.create(tenant_id, scopes=list(Scope))
            if created.key is None:
                raise RuntimeError("the operator's API made a key and did not tell it")
            tenants.append(Tenant(tenant_id, created.key))
    return tenants


def fill(url: str, tenants: Sequence[Tenant], traffic: Traffic, models: int) -> int:
    """Give each tenant items and events, and the first of them models; how many events in all."""
    accepted = 0
    for place, tenant in enumerate(tenants):
        with Recommender(url, tenant.key, timeout=_TIMEOUT_SECONDS) as client:
            items = [{"item_id": f"i{n}", **traffic.content(f"i{n}")} for n in range(ITEMS)]
            client.items.send(items)
            accepted += client.events.send(traffic.events(PAST)).accepted
            if place < models:
                job = client.training.start()
                client.training.wait(job.job_id, timeout_seconds=600)
    return accepted


def read_books(url: str, tenants: Sequence[Tenant]) -> tuple[int, bool]:
    """How many events the books of the tenants have as loaded, and whether all balance."""
    loaded, balanced = 0, True
    for tenant in tenants:
        with Recommender(url, tenant.key, timeout=_TIMEOUT_SECONDS) as client:
            books = client.accounting.get()
        events = books.by_data_type.get(DataType.EVENTS)
        loaded += 0 if events is None else events.loaded
        balanced = balanced and books.balanced
    return loaded, balanced
