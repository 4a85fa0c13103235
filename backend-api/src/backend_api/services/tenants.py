"""Administration of tenants."""

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import TypeAdapter, ValidationError

from backend_api.domain.errors import InvalidTenantId, NoSuchTenant
from backend_api.domain.ports import TenantStore
from backend_api.domain.tenants import Tenant
from contracts.identifiers import TenantId

_tenant_id = TypeAdapter[str](TenantId)


class TenantService:
    """Creates and lists tenants."""

    def __init__(self, tenants: TenantStore) -> None:
        self._tenants = tenants

    async def create(self, tenant_id: str, name: str | None = None) -> Tenant:
        """A new tenant; its name is its id where none is given.

        Raises:
            InvalidTenantId: the id has characters or a length that ids do not have.
            TenantExists: the id is taken.
        """
        try:
            _tenant_id.validate_python(tenant_id)
        except ValidationError as error:
            raise InvalidTenantId(tenant_id) from error
        tenant = Tenant(tenant_id, name or tenant_id, datetime.now(UTC))
        await self._tenants.add(tenant)
        return tenant

    async def get(self, tenant_id: str) -> Tenant:
        """One tenant. Raises `NoSuchTenant`."""
        tenant = await self._tenants.find(tenant_id)
        if tenant is None:
            raise NoSuchTenant(tenant_id)
        return tenant

    async def all(self) -> Sequence[Tenant]:
        """Every tenant, by its id."""
        return await self._tenants.all()
