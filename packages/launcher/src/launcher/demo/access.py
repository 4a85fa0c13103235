"""The demo tenant and its API key, noted in demo.env."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from launcher.demo.calls import doing
from launcher.errors import LaunchError
from launcher.whole_files import write_secret
from recommender_client import AsyncRecommender, Unauthenticated

_KEY: Final = "DEMO_API_KEY"


def read_key(path: Path) -> str | None:
    """The API key noted in `path`; None where there is none."""
    if not path.exists():
        return None
    pairs = (line.partition("=") for line in path.read_text().splitlines())
    return next((value for name, _, value in pairs if name == _KEY), None)


def write_access(path: Path, tenant_id: str, key: str) -> None:
    """Note the tenant and its key for their owner alone."""
    write_secret(path, f"DEMO_TENANT={tenant_id}\n{_KEY}={key}\n")


async def opens(client: AsyncRecommender) -> bool:
    """Whether the client's key is accepted."""
    with doing("trying the demo key"):
        try:
            await client.tenant.get()
        except Unauthenticated:
            return False
    return True


async def create_access(data_dir: Path, tenant_id: str) -> str:
    """A new key of the tenant, which is made where it does not exist.

    Raises:
        LaunchError: the database of backend-api cannot be used.
    """
    # Half of backend-api comes with these imports: a later start does without.
    from backend_api.bootstrap import build_administration  # noqa: PLC0415
    from backend_api.domain.audit import CLI  # noqa: PLC0415
    from backend_api.domain.errors import TenantExists  # noqa: PLC0415
    from backend_api.settings import DatabaseSettings  # noqa: PLC0415
    from backends.ports import PortUnavailable  # noqa: PLC0415
    from contracts.public.access import NewKey, NewTenant, Scope  # noqa: PLC0415

    tenant = NewTenant(tenant_id=tenant_id)
    key = NewKey(name="demo", scopes=list(Scope))
    try:
        async with build_administration(DatabaseSettings(data_dir=data_dir)) as administration:
            with suppress(TenantExists):
                await administration.tenants.create(tenant, CLI)
            created = await administration.keys.create(tenant_id, key, CLI)
    except PortUnavailable as error:
        raise LaunchError(f"making the demo tenant failed: {error}") from error
    assert created.key is not None  # noqa: S101 - it was just made
    return created.key
