"""Administration of tenants."""

from pydantic import TypeAdapter, ValidationError

from backend_api.domain.access import Clock, utc_now
from backend_api.domain.access_ports import TenantStore
from backend_api.domain.audit import Actor
from backend_api.domain.cursors import from_cursor, to_cursor
from backend_api.domain.errors import InvalidTenantId, NoSuchTenant
from backend_api.services.changes import AccessChanges
from contracts.identifiers import TenantId
from contracts.pages import Page
from contracts.public.access import NewTenant, Tenant, TenantChanges, TenantStatus

_tenant_id = TypeAdapter[str](TenantId)


class TenantService:
    """Creates, lists, suspends and resumes tenants, and puts them on plans."""

    def __init__(
        self, tenants: TenantStore, changes: AccessChanges, clock: Clock = utc_now
    ) -> None:
        self._tenants = tenants
        self._changes = changes
        self._clock = clock

    async def create(self, new: NewTenant, actor: Actor) -> Tenant:
        """A new tenant; its name is its id where none is given.

        Raises:
            TenantExists: the id is taken.
            PlanNotFound: there is no such plan.
        """
        now = self._clock()
        tenant = Tenant(
            tenant_id=new.tenant_id,
            name=new.name or new.tenant_id,
            plan_id=new.plan_id,
            status=TenantStatus.ACTIVE,
            created_at=now,
        )
        entry = actor.did(
            "tenant.create",
            tenant.tenant_id,
            now,
            tenant_id=tenant.tenant_id,
            name=tenant.name,
            plan_id=tenant.plan_id,
        )
        await self._tenants.add(tenant, entry)
        return tenant

    async def get(self, tenant_id: str) -> Tenant:
        """One tenant. Raises `NoSuchTenant`."""
        tenant = await self._tenants.find(tenant_id)
        if tenant is None:
            raise NoSuchTenant(tenant_id)
        return tenant

    async def page(self, limit: int, cursor: str | None = None) -> Page[Tenant]:
        """Tenants by id. Raises `InvalidCursor`."""
        after = str(from_cursor(cursor, str)[0]) if cursor is not None else None
        found = await self._tenants.page(limit + 1, after)
        return Page(
            data=list(found[:limit]),
            next_cursor=to_cursor(found[limit - 1].tenant_id) if len(found) > limit else None,
        )

    async def change(self, tenant_id: str, changes: TenantChanges, actor: Actor) -> Tenant:
        """The tenant with what is set in `changes`, in force here at once.

        Raises:
            NoSuchTenant: nobody has this tenant id.
            PlanNotFound: there is no such plan.
        """
        details = changes.model_dump(mode="json", exclude_none=True)
        entry = actor.did("tenant.change", tenant_id, self._clock(), tenant_id=tenant_id, **details)
        changed = await self._tenants.change(tenant_id, changes, entry)
        self._changes.forget(tenant_id)
        return changed


def checked_tenant_id(tenant_id: str) -> str:
    """The id, where it is one. Raises `InvalidTenantId`."""
    try:
        return _tenant_id.validate_python(tenant_id)
    except ValidationError as error:
        raise InvalidTenantId(tenant_id) from error
