"""Every ValidationRuleStore keeps each version of a tenant's rules as it was set."""

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.validation_rules import EventRules, RuleSet
from data_pipeline.adapters.validation_rules import SqlValidationRuleStore
from data_pipeline.domain.validation_rules import (
    STANDARD_RULES,
    ValidationRuleStore,
    VersionedRules,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def store(engine: AsyncEngine) -> ValidationRuleStore:
    return SqlValidationRuleStore(engine)


def rules(days: int) -> RuleSet:
    return RuleSet(events=EventRules(max_age_days=days))


async def test_the_standard_is_in_force_until_rules_are_set(store: ValidationRuleStore) -> None:
    await store.ping()
    assert await store.current("acme") == STANDARD_RULES
    assert await store.page("acme", None, 10) == []
    assert await store.add("acme", RuleSet(), 5) == STANDARD_RULES


async def test_each_replacement_is_a_version_and_the_newest_is_in_force(
    store: ValidationRuleStore,
) -> None:
    versions = [await store.add("acme", rules(days), days) for days in (1, 2, 3)]
    assert versions == [VersionedRules(n, rules(n), n) for n in (1, 2, 3)]
    assert await store.current("acme") == versions[-1]
    assert await store.page("acme", None, 2) == [versions[2], versions[1]]
    assert await store.page("acme", 2, 2) == [versions[0]]


async def test_equal_rules_keep_their_version(store: ValidationRuleStore) -> None:
    first = await store.add("acme", rules(1), 5)
    assert await store.add("acme", rules(1), 6) == first
    await store.add("acme", RuleSet(), 7)
    assert (await store.add("acme", rules(1), 8)).version == 3


async def test_tenants_have_their_own_versions(store: ValidationRuleStore) -> None:
    await store.add("acme", rules(1), 5)
    assert await store.current("other") == STANDARD_RULES
    assert (await store.add("other", rules(2), 6)).version == 1
    assert (await store.current("acme")).rules == rules(1)
    assert len(await store.page("acme", None, 10)) == 1


async def test_versions_set_at_once_follow_each_other(store: ValidationRuleStore) -> None:
    await asyncio.gather(*(store.add("acme", rules(days), 0) for days in range(1, 9)))
    listed = await store.page("acme", None, 10)
    assert [one.version for one in listed] == list(range(8, 0, -1))
    assert {one.rules.events.max_age_days for one in listed} == set(range(1, 9))
