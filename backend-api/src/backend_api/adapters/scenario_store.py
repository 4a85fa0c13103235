"""ScenarioStore over SQL."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Delete, delete, select

from backend_api.adapters import sql
from backend_api.adapters.product_tables import scenarios
from backend_api.domain.product_errors import ScenarioNotFound
from backends.sql_store import SqlStore
from backends.upserts import insert
from contracts.public.recommendations import Scenario
from contracts.recommendations import RankingOptions

_INSERT: Final = insert(scenarios)
_PUT: Final = _INSERT.on_conflict_do_update(
    index_elements=["tenant_id", "name"], set_={"options": _INSERT.excluded.options}
)


class SqlScenarioStore(SqlStore):
    """Scenarios in the table `scenarios`, their options as JSON."""

    table = scenarios

    async def put(self, tenant_id: str, scenario: Scenario) -> None:
        """Create or replace a scenario."""
        # Unset options stay unset: only those that are set go before the request's defaults.
        options = scenario.options.model_dump_json(exclude_unset=True)
        row = {"tenant_id": tenant_id, "name": scenario.name, "options": options}
        async with sql.transaction(self._engine) as connection:
            await connection.execute(_PUT, row)

    async def find(self, tenant_id: str, name: str) -> Scenario | None:
        """The scenario, or None."""
        query = select(scenarios.c.name, scenarios.c.options).where(
            scenarios.c.tenant_id == tenant_id, scenarios.c.name == name
        )
        async with sql.transaction(self._reading) as connection:
            row = (await connection.execute(query)).one_or_none()
        return _scenario(row.name, row.options) if row else None

    async def list_after(self, tenant_id: str, name: str, limit: int) -> Sequence[Scenario]:
        """Up to `limit` scenarios whose names sort after `name`, sorted."""
        query = (
            select(scenarios.c.name, scenarios.c.options)
            .where(scenarios.c.tenant_id == tenant_id, scenarios.c.name > name)
            .order_by(scenarios.c.name)
            .limit(limit)
        )
        async with sql.transaction(self._reading) as connection:
            rows = (await connection.execute(query)).all()
        return [_scenario(row.name, row.options) for row in rows]

    async def delete(self, tenant_id: str, name: str) -> None:
        """Forget a scenario. Raises `ScenarioNotFound`."""
        async with sql.transaction(self._engine) as connection:
            result = await connection.execute(_one(tenant_id, name))
        if result.rowcount == 0:
            raise ScenarioNotFound(name)


def _one(tenant_id: str, name: str) -> Delete:
    return delete(scenarios).where(scenarios.c.tenant_id == tenant_id, scenarios.c.name == name)


def _scenario(name: str, options: str) -> Scenario:
    return Scenario(name=name, options=RankingOptions.model_validate_json(options))
