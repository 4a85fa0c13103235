"""Rejected records are found, mended and replayed by the client, and the books tell of it."""

from datetime import date
from typing import Any

import pytest
from tests.integration.client.conftest import System

from recommender_client import AsyncRecommender, InvalidRequest, NotFound
from recommender_client.groups import quarantine
from recommender_client.models import DataType

pytestmark = pytest.mark.anyio


def item(number: int, **fields: Any) -> dict[str, Any]:
    return {"item_id": f"film/{number}", **fields}


async def test_rejected_records_are_mended_and_replayed(system: System) -> None:
    async with AsyncRecommender("http://api", system.tenant_key, transport=system.transport) as us:
        faults = [item(number, year="when") for number in range(3)]
        sent = await us.items.send([item(7), *faults])
        assert (sent.accepted, len(sent.rejected)) == (1, 3)
        records = [record async for record in us.quarantine.list(data_type=DataType.ITEMS)]
        assert [record.place for record in records] == [3, 2, 1]
        last, second, first = (record.quarantine_id for record in records)
        assert '"when"' in (await us.quarantine.get(first)).raw
        books = await us.accounting.get()
        assert (books.totals.received, books.totals.quarantined) == (4, 3)
        assert books.balanced

        mended = await us.quarantine.replay_mended({first: item(0, year=1999)})
        assert (mended.loaded, mended.rejected) == (1, 0)
        assert (await us.items.get("film/0")).year == 1999
        again = await us.quarantine.replay([first, second])
        assert (again.missing, again.rejected, again.loaded) == (1, 1, 0)
        await us.quarantine.discard(second)
        with pytest.raises(NotFound):
            await us.quarantine.get(second)
        rest = await us.quarantine.replay_all(data_type=DataType.ITEMS)
        assert [one.quarantine_id for one in rest.first_rejections] == [last]
        books = await us.accounting.get()
        assert (books.totals.loaded, books.totals.quarantined) == (2, 2)
        assert (books.quarantine.waiting, books.quarantine.discarded) == (1, 1)
        assert books.balanced


async def test_any_number_is_replayed_in_steps(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "MAX_REPLAY", 2)
    async with AsyncRecommender("http://api", system.tenant_key, transport=system.transport) as us:
        await us.items.send([item(7), *(item(number, year="when") for number in range(5))])
        ids = [record.quarantine_id async for record in us.quarantine.list()]
        outcome = await us.quarantine.replay(ids)
        assert (outcome.replayed, outcome.rejected) == (5, 5)
        assert {one.quarantine_id for one in outcome.first_rejections} == set(ids)
        mended = {quarantine_id: item(quarantine_id) for quarantine_id in ids}
        assert (await us.quarantine.replay_mended(mended)).loaded == 5


async def test_a_period_of_more_than_a_year_is_refused(system: System) -> None:
    async with AsyncRecommender("http://api", system.tenant_key, transport=system.transport) as us:
        with pytest.raises(InvalidRequest):
            await us.accounting.get(first=date(2020, 1, 1), last=date(2026, 1, 1))
