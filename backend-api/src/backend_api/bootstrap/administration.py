"""What the command line and the launcher work with: no telemetry, no other service."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from backend_api.adapters.audit_log import SqlAuditLog
from backend_api.adapters.key_store import SqlAccessDirectory, SqlApiKeyStore
from backend_api.adapters.plan_store import SqlPlanStore
from backend_api.adapters.tenant_store import SqlTenantStore
from backend_api.adapters.usage_store import SqlUsageStore
from backend_api.bootstrap.storage import open_database
from backend_api.domain.access_ports import AccessDirectory
from backend_api.domain.errors import NoSuchKey
from backend_api.services.audit import AuditService
from backend_api.services.changes import NothingRemembered
from backend_api.services.keys import KeyService
from backend_api.services.plans import PlanService
from backend_api.services.tenants import TenantService
from backend_api.services.usage import UsageService
from backend_api.settings import DatabaseSettings


@dataclass(frozen=True, slots=True)
class Administration:
    """What can be administered without a running service."""

    tenants: TenantService
    plans: PlanService
    keys: KeyService
    audit: AuditService
    usage: UsageService
    directory: AccessDirectory

    async def owner_of(self, key_id: str) -> str | None:
        """The tenant of a key, None for one of the operator's. Raises `NoSuchKey`."""
        record = await self.directory.find(key_id)
        if record is None:
            raise NoSuchKey(key_id)
        return record.access.tenant_id


@asynccontextmanager
async def build_administration(settings: DatabaseSettings) -> AsyncGenerator[Administration]:
    """Administration over the database of the settings, its schema brought up to date.

    Running services see changes after their API_KEY_CACHE_SECONDS.

    Raises:
        PortUnavailable: the database cannot be used.
    """
    async with AsyncExitStack() as stack:
        engine = await open_database(settings, stack)
        changes = NothingRemembered()
        yield Administration(
            TenantService(SqlTenantStore(engine), changes),
            PlanService(SqlPlanStore(engine), changes),
            KeyService(SqlApiKeyStore(engine), changes),
            AuditService(SqlAuditLog(engine)),
            UsageService(SqlUsageStore(engine)),
            SqlAccessDirectory(engine),
        )
