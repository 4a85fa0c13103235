"""Both clients on the real services."""

from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from anyio.from_thread import BlockingPortal
from tests.integration.client.conftest import System

from recommender_client import (
    AsyncOperator,
    AsyncRecommender,
    Delivered,
    Forbidden,
    InvalidRequest,
    NotFound,
    Recommender,
    Unauthenticated,
    VersionConflict,
    new_event,
)
from recommender_client.in_process import InProcessTransport
from recommender_client.models import (
    DataType,
    Event,
    Filters,
    ItemChanges,
    ItemContent,
    RankingOptions,
    RejectedRecord,
    Scope,
    UserProfile,
)

pytestmark = pytest.mark.anyio


async def test_a_newcomers_walk(system: System, tmp_path: Path) -> None:
    async with AsyncRecommender("http://api", system.tenant_key, transport=system.transport) as us:
        file = tmp_path / "items.jsonl"
        file.write_text(
            "".join(
                f'{{"item_id": "film/{n}", "title": "Film {n}", "categories": ["{kind}"]}}\n'
                for n, kind in enumerate(["Drama", "Comedy"] * 20)
            )
        )
        job = await us.imports.start(DataType.ITEMS, file)
        done = await us.imports.wait(job.import_id, poll_seconds=0.02, timeout_seconds=60)
        assert (done.accepted, done.rejected) == (40, 0)

        async with us.event_buffer(max_events=100, max_seconds=0.05) as events:
            for user in range(30):
                for step in range(8):
                    film = f"film/{(user + 2 * step) % 40}"
                    await events.add(new_event(f"user-{user}", film, "view"))
        assert events.delivered == Delivered(accepted=240, duplicates=0, rejected=0)

        training = await us.training.start()
        trained = await us.training.wait(training.job_id, poll_seconds=0.05, timeout_seconds=90)
        assert trained.model_version in [model.model_version async for model in us.models.list()]

        wanted = Filters(categories=["Drama"])
        answer = await us.recommendations.for_user("user-1", num_items=5, filters=wanted)
        assert len(answer.items) == 5
        record = await us.recommendations.get(answer.recommendation_id)
        assert record.request.filters == wanted
        assert record.answer == answer
        batch = await us.recommendations.batch([f"user-{n}" for n in range(30)], num_items=2)
        assert [one.user_id for one in batch] == [f"user-{n}" for n in range(30)]

        await us.scenarios.put("home", RankingOptions(num_items=3))
        assert len((await us.recommendations.for_user("user-1", scenario="home")).items) == 3
        assert (await us.scenarios.get("home")).options.model_fields_set == {"num_items"}

        await us.users.put("user-1", UserProfile(attributes={"age": 30}))
        export = await us.users.export("user-1")
        assert export.data.profile is not None
        assert len(export.data.events) == 8
        receipt = await us.users.erase("user-1")
        assert receipt.complete
        assert [one async for one in us.erasures.list()] == [receipt]
        with pytest.raises(NotFound):
            await us.users.get("user-1")


async def test_items_of_any_id_are_written_listed_and_guarded(system: System) -> None:
    async with AsyncRecommender("http://api", system.tenant_key, transport=system.transport) as us:
        names = ["a/b", "été", "x?y#z", "100%", "plain", "a b"]
        for name in names:
            stored = await us.items.create(name, ItemContent(title=name))
            assert (await us.items.get(name)) == stored
        assert [item.item_id async for item in us.items.list(page_size=2)] == sorted(names)
        with pytest.raises(VersionConflict):
            await us.items.create("plain", ItemContent())
        stored = await us.items.get("plain")
        changes = ItemChanges(title="Changed")
        changed = await us.items.patch("plain", changes, if_version=stored.version)
        assert (changed.title, changed.version != stored.version) == ("Changed", True)
        with pytest.raises(VersionConflict):
            await us.items.delete("plain", if_version=stored.version)
        assert await us.items.delete("plain", if_version=changed.version) is None
        with pytest.raises(NotFound) as raised:
            await us.items.get("plain")
        assert raised.value.code == "item_not_found"


async def test_event_types_are_weighted(system: System) -> None:
    async with AsyncRecommender("http://api", system.tenant_key, transport=system.transport) as us:
        set_to = await us.event_types.set("share", 2.5)
        assert set_to in await us.event_types.list()
        assert await us.event_types.delete("share") is None


async def test_keys_tenants_plans_usage_and_audit(system: System) -> None:
    async with (
        AsyncRecommender("http://api", system.tenant_key, transport=system.transport) as us,
        AsyncOperator("http://api", system.operator_key, transport=system.transport) as operator,
    ):
        created = await us.keys.create(name="reader", scopes=[Scope.READ])
        assert created.key is not None
        assert created.key not in repr(created)
        async with AsyncRecommender(
            "http://api", created.key, transport=system.transport
        ) as reader:
            assert (await reader.tenant.get()).tenant_id == "acme"
            with pytest.raises(Forbidden) as raised:
                await reader.items.create("i", ItemContent())
            assert raised.value.code == "insufficient_scope"
        rotated = await us.keys.rotate(created.key_id, overlap_seconds=0)
        await us.keys.revoke(rotated.key_id)
        assert len([key async for key in us.keys.list(page_size=1)]) == 3
        assert (await us.usage.csv()).startswith("day,")
        await us.usage.report()
        assert "key.create" in [entry.action async for entry in us.audit_log.list()]

        plans = [plan async for plan in operator.plans.list()]
        await operator.tenants.create("globex", plan_id=plans[0].plan_id)
        key = (await operator.keys.create("globex")).key
        assert key is not None
        await operator.tenants.suspend("globex")
        async with AsyncRecommender("http://api", key, transport=system.transport) as globex:
            with pytest.raises(Forbidden) as raised:
                await globex.tenant.get()
            assert raised.value.code == "tenant_suspended"
        assert [tenant.tenant_id async for tenant in operator.tenants.list()] == ["acme", "globex"]
    async with AsyncRecommender("http://api", "rk_none", transport=system.transport) as nobody:
        with pytest.raises(Unauthenticated):
            await nobody.tenant.get()


async def test_the_sync_client_says_the_same(system: System) -> None:
    def walk(portal: BlockingPortal) -> None:
        transport = InProcessTransport(system.transport, portal)
        with Recommender("http://api", system.tenant_key, transport=transport) as us:
            assert us.items.send([{"item_id": f"i{n}"} for n in range(5)]).accepted == 5
            assert [item.item_id for item in us.items.list(page_size=2)] == [
                f"i{n}" for n in range(5)
            ]
            told: list[tuple[Event, RejectedRecord]] = []
            with us.event_buffer(on_rejected=lambda *one: told.append(one)) as events:
                events.add(new_event("u", "i1", "view", event_id="e1"))
                events.add(new_event("u", "i1", "view", event_id="e1"))
                future = new_event("u", "i1", "view", event_id="e2").model_copy(
                    update={"user_id": "x" * 300}
                )
                events.add(future)
            assert events.delivered == Delivered(accepted=1, duplicates=1, rejected=1)
            assert [event for event, _ in told] == [future]
            with pytest.raises(InvalidRequest) as raised:
                us.events.send([{"no": "event"}])
            assert raised.value.code == "no_valid_records"
            assert [event.event_id for event in us.events.list(user_id="u")] == ["e1"]
            answer = us.recommendations.for_user("u", num_items=3)
            assert (answer.algorithm, len(answer.items)) == ("popularity", 3)

    async with BlockingPortal() as portal:
        await anyio.to_thread.run_sync(partial(walk, portal))
