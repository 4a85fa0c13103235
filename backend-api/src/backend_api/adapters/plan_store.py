"""PlanStore over SQL."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import orjson
from sqlalchemy import Row, delete, exists, insert, select, update

from backend_api.adapters import sql
from backend_api.adapters.audit_log import write_entry
from backend_api.adapters.tables import plans, tenants
from backend_api.domain.access_errors import PlanInUse, PlanNotFound
from backends.sql_store import SqlStore
from backends.turns import take_turn
from contracts.public.access import AuditEntry, Plan

_MICROS: Final = 1_000_000


class SqlPlanStore(SqlStore):
    """Plans in the table `plans`."""

    table = plans

    async def find(self, plan_id: str) -> Plan | None:
        """The plan, or None."""
        query = select(plans).where(plans.c.plan_id == plan_id)
        async with sql.transaction(self._reading) as connection:
            row = (await connection.execute(query)).one_or_none()
        return _plan(row) if row else None

    async def page(self, limit: int, after: str | None) -> Sequence[Plan]:
        """Up to `limit` plans by id, from the one after `after`."""
        query = select(plans).order_by(plans.c.plan_id).limit(limit)
        if after is not None:
            query = query.where(plans.c.plan_id > after)
        async with sql.transaction(self._reading) as connection:
            rows = (await connection.execute(query)).all()
        return [_plan(row) for row in rows]

    async def put(self, plan: Plan, entry: AuditEntry) -> bool:
        """Keep a plan; whether it is new."""
        values = {
            "limits": orjson.dumps(plan.model_dump(mode="json")["limits"]).decode(),
            "monthly_requests": plan.monthly_requests,
            "price": int(plan.price_per_1000_requests * _MICROS),
            "currency": plan.currency,
        }
        changed = update(plans).where(plans.c.plan_id == plan.plan_id).values(values)
        async with sql.transaction(self._engine) as connection:
            await take_turn(connection, plans.name)
            is_new = (await connection.execute(changed)).rowcount == 0
            if is_new:
                await connection.execute(insert(plans).values(plan_id=plan.plan_id, **values))
            await write_entry(connection, entry)
        return is_new

    async def delete(self, plan_id: str, entry: AuditEntry) -> None:
        """Forget a plan. Raises `PlanNotFound`, and `PlanInUse` where it has tenants."""
        used = select(exists().where(tenants.c.plan_id == plan_id))
        async with sql.transaction(self._engine) as connection:
            gone = await connection.execute(delete(plans).where(plans.c.plan_id == plan_id))
            if gone.rowcount == 0:
                raise PlanNotFound(plan_id)
            if (await connection.execute(used)).scalar_one():
                raise PlanInUse(plan_id)
            await write_entry(connection, entry)


def _plan(row: Row[Any]) -> Plan:
    return Plan(
        plan_id=row.plan_id,
        limits=orjson.loads(row.limits),
        monthly_requests=row.monthly_requests,
        price_per_1000_requests=Decimal(row.price) / _MICROS,
        currency=row.currency,
    )
