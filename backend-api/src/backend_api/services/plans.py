"""Administration of plans."""

from backend_api.domain.access import Clock, utc_now
from backend_api.domain.access_errors import PlanInUse, PlanNotFound
from backend_api.domain.access_ports import PlanStore
from backend_api.domain.audit import Actor
from backend_api.domain.cursors import from_cursor, to_cursor
from backend_api.services.changes import AccessChanges
from contracts.pages import Page
from contracts.public.access import DEFAULT_PLAN, Plan, PlanSettings


class PlanService:
    """Sets, lists and deletes plans."""

    def __init__(self, plans: PlanStore, changes: AccessChanges, clock: Clock = utc_now) -> None:
        self._plans = plans
        self._changes = changes
        self._clock = clock

    async def get(self, plan_id: str) -> Plan:
        """One plan. Raises `PlanNotFound`."""
        plan = await self._plans.find(plan_id)
        if plan is None:
            raise PlanNotFound(plan_id)
        return plan

    async def page(self, limit: int, cursor: str | None = None) -> Page[Plan]:
        """Plans by id. Raises `InvalidCursor`."""
        after = str(from_cursor(cursor, str)[0]) if cursor is not None else None
        found = await self._plans.page(limit + 1, after)
        return Page(
            data=list(found[:limit]),
            next_cursor=to_cursor(found[limit - 1].plan_id) if len(found) > limit else None,
        )

    async def put(self, plan_id: str, settings: PlanSettings, actor: Actor) -> tuple[Plan, bool]:
        """The plan, and whether it is new; its tenants have the new limits here at once."""
        plan = Plan(plan_id=plan_id, **settings.model_dump())
        details = settings.model_dump(mode="json")
        entry = actor.did("plan.set", plan_id, self._clock(), tenant_id=None, **details)
        is_new = await self._plans.put(plan, entry)
        self._changes.forget_all()
        return plan, is_new

    async def delete(self, plan_id: str, actor: Actor) -> None:
        """Forget a plan.

        Raises:
            PlanNotFound: there is no such plan.
            PlanInUse: it has tenants, or is the one that new tenants get.
        """
        if plan_id == DEFAULT_PLAN:
            raise PlanInUse(plan_id)
        entry = actor.did("plan.delete", plan_id, self._clock(), tenant_id=None)
        await self._plans.delete(plan_id, entry)
