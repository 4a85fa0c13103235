"""What one replica keeps of a user goes when another one erases the user."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from backend_api.domain.erasures import Erasure, user_id_hash
from backend_api.domain.recommendations import LoggedRecommendation, new_recommendation_id
from backend_api.services.erasures_elsewhere import LOOK_BACK, SETTLED, ErasuresElsewhere
from backends.ports import PortUnavailable

pytestmark = pytest.mark.anyio
SECRET = b"s"
NOW = datetime(2026, 1, 31, tzinfo=UTC)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


class Begun:
    def __init__(self) -> None:
        self.erasures: list[Erasure] = []
        self.away = False

    def begin(self, tenant_id: str, user_id: str, *merged: str, at: datetime = NOW) -> None:
        hashes = [user_id_hash(SECRET, tenant_id, one) for one in (user_id, *merged)]
        made = Erasure(
            new_recommendation_id(),
            tenant_id,
            hashes[0],
            at,
            merged_id_hashes=frozenset(hashes[1:]),
            begun_at=at,
        )
        self.erasures.append(made)

    async def begun_since(self, moment: datetime) -> Sequence[Erasure]:
        if self.away:
            raise PortUnavailable("away")
        return [one for one in self.erasures if one.begun_at and one.begun_at >= moment]

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


class Answers:
    """The users of whom it holds something."""

    def __init__(self, *kept: tuple[str, str]) -> None:
        self.kept = set(kept)

    def users(self) -> set[tuple[str, str]]:
        return set(self.kept)

    async def erase(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        before = len(self.kept)
        self.kept -= {(tenant_id, user_id) for user_id in user_ids}
        return before - len(self.kept)

    async def count(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        return len(self.kept & {(tenant_id, user_id) for user_id in user_ids})

    async def of_users(
        self, tenant_id: str, user_ids: Sequence[str]
    ) -> Sequence[LoggedRecommendation]:
        raise NotImplementedError

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


def logged(*users: tuple[str, str | None]) -> list[LoggedRecommendation]:
    return [
        LoggedRecommendation(new_recommendation_id(), tenant_id, user_id, NOW, b"{}", b"{}")
        for tenant_id, user_id in users
    ]


@pytest.fixture
def begun() -> Begun:
    return Begun()


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_memory_forgets_the_erased_user_under_all_ids_and_nobody_else(
    begun: Begun, clock: Clock
) -> None:
    memory = Answers(("acme", "ann"), ("acme", "session"), ("acme", "bob"), ("globex", "ann"))
    begun.begin("acme", "ann", "session")
    await ErasuresElsewhere(begun, Answers(), SECRET, clock).follow([memory])
    assert memory.kept == {("acme", "bob"), ("globex", "ann")}


async def test_what_a_request_under_way_leaves_goes_as_well(begun: Begun, clock: Clock) -> None:
    memory = Answers()
    begun.begin("acme", "ann")
    elsewhere = ErasuresElsewhere(begun, Answers(), SECRET, clock)
    await elsewhere.follow([memory])
    memory.kept.add(("acme", "ann"))
    await elsewhere.follow([memory])
    assert memory.kept
    clock.now += SETTLED + timedelta(seconds=1)
    await elsewhere.follow([memory])
    assert not memory.kept


async def test_a_user_who_comes_back_is_kept(begun: Begun, clock: Clock) -> None:
    begun.begin("acme", "ann")
    memory = Answers(("acme", "ann"))
    clock.now += LOOK_BACK + timedelta(seconds=1)
    await ErasuresElsewhere(begun, Answers(), SECRET, clock).follow([memory])
    assert memory.kept == {("acme", "ann")}


async def test_an_answer_written_while_its_user_is_erased_goes_again(
    begun: Begun, clock: Clock
) -> None:
    users = ("acme", "ann"), ("acme", "bob")
    answers = Answers(*users)
    begun.begin("acme", "ann")
    await ErasuresElsewhere(begun, answers, SECRET, clock).written(logged(*users, ("acme", None)))
    assert answers.kept == {("acme", "bob")}


async def test_written_answers_are_looked_at_when_the_database_is_back(
    begun: Begun, clock: Clock
) -> None:
    answers = Answers(("acme", "ann"))
    begun.begin("acme", "ann")
    begun.away = True
    elsewhere = ErasuresElsewhere(begun, answers, SECRET, clock)
    with pytest.raises(PortUnavailable):
        await elsewhere.written(logged(("acme", "ann")))
    assert await elsewhere.follow([]) > 0
    assert answers.kept
    begun.away = False
    await elsewhere.follow([])
    assert not answers.kept
