"""No tenant reaches another's things: every operation of the API, tried with another's key and ids.

What an operation answers for somebody else's thing is what it answers for a thing that nobody has.
"""

import re
import statistics
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx2
import orjson
import pytest
from tests.contract.documents import agreed
from tests.real_processes import wait_for
from tests.system.processes import System, running_system, trained

from recommender_client import Recommender, new_event
from recommender_client.models import DataType, FileFormat, Item, RankingOptions, UserProfile

pytestmark = pytest.mark.timeout(300)

METHODS: Final = ("get", "post", "put", "patch", "delete")
DOCUMENT: Final = agreed("backend-api")
OPERATIONS: Final = [
    (method, path)
    for path, operations in DOCUMENT["paths"].items()
    for method in METHODS
    if method in operations
]
WITH_IDS: Final = [(method, path) for method, path in OPERATIONS if "{" in path]
"""Operations on one thing, which somebody else's id could reach."""
NOWHERE: Final = {
    "recommendation_id": "01900000-0000-7000-8000-000000000000",
    "import_id": "01900000-0000-7000-8000-000000000000",
    "erasure_id": "01900000-0000-7000-8000-000000000000",
    "key_id": "zzzzzzzzzzzz",
    "quarantine_id": "999999999999",
}
"""Ids of nothing, where `nothing-has-this-id` would not have the right form."""
TRIALS: Final = 40


@dataclass
class Owner:
    """A tenant whose things others must not reach."""

    client: httpx2.Client
    ids: dict[str, str]
    """Its own things, by the name of the path parameter that takes them."""

    def everything(self) -> dict[str, Any]:
        """All that its key can see, by path."""
        lists = [p for m, p in OPERATIONS if m == "get" and "{" not in p and "/admin/" not in p]
        things = [p for m, p in WITH_IDS if m == "get" and "/admin/" not in p]
        seen: dict[str, Any] = {}
        for path in [*lists, *things]:
            answer = self.client.get(filled(path, self.ids), params=wanted_query(path, self.ids))
            assert answer.status_code == 200, f"{path}: {answer.text}"
            if not path.endswith(COUNTS_ITS_OWN_READING):
                seen[path] = without_moments(answer)
        return seen


COUNTS_ITS_OWN_READING: Final = (
    "/usage", "/usage.csv", "/tenant", "/keys", "/keys/{key_id}", "/export"
)  # fmt: skip
"""Answers that change by being read: reading is counted, and is a key's last use."""


def without_moments(answer: httpx2.Response) -> Any:
    if "json" not in answer.headers["content-type"]:
        return answer.text
    # Recommendations of one moment after another have ids and trends of their own.
    found = orjson.loads(answer.content)
    if isinstance(found, dict):
        found.pop("recommendation_id", None)
        for item in found.get("items", []):
            item.pop("score", None)
    return found


def filled(path: str, ids: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1].partition(":")[0]
        assert name in ids, f"say in this test which {name} a tenant has, for {path}"
        return ids[name]

    return re.sub(r"\{([^}]+)\}", value, path)


def wanted_query(path: str, ids: dict[str, str]) -> dict[str, str]:
    if path.endswith("/model-comparison"):
        return {"baseline": ids["model_version"], "candidate": ids["model_version"]}
    return {}


def body_of(method: str, path: str) -> Any:
    """The documented example of an operation's JSON body; None where it takes none."""
    content = DOCUMENT["paths"][path][method].get("requestBody", {}).get("content", {})
    for kind, one in content.items():
        if kind.endswith("json") and "ndjson" not in kind:
            return (
                one["example"]
                if "example" in one
                else next(iter(one["examples"].values()))["value"]
            )
    return None


def nothing_of(ids: dict[str, str]) -> dict[str, str]:
    return {name: NOWHERE.get(name, "nothing-has-this-id") for name in ids}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Generator[System]:
    with running_system(tmp_path_factory.mktemp("isolation")) as system:
        yield system


@pytest.fixture(scope="module")
def owner(system: System) -> Generator[Owner]:
    key = system.new_tenant("owner", plan_id="enterprise")
    with system.recommender(key) as customer:
        ids = own_everything(customer) | {"tenant_id": "owner"}
    with system.client(key) as client:
        yield Owner(client, ids)


@pytest.fixture(scope="module")
def stranger(system: System) -> Generator[httpx2.Client]:
    key = system.new_tenant("stranger", plan_id="enterprise")
    with system.client(key) as client:
        yield client


def own_everything(client: Recommender) -> dict[str, str]:
    """Let the tenant have one thing of each kind; their ids by path parameter."""
    items = [
        Item(item_id=f"own-{n}", title=f"Own {n}", categories=["a", "b"][n % 2 :]) for n in range(8)
    ]
    events = [
        new_event(
            f"own-user-{user}",
            f"own-{(user + n) % 8}",
            "view",
            event_id=f"own-{user}-{n}",
            timestamp=datetime.fromtimestamp(1_767_225_600 + user * 100 + n, UTC),
        )
        for user in range(12)
        for n in range(4)
    ]
    assert client.items.send(items).accepted == len(items)
    assert client.events.send(events).accepted == len(events)
    client.users.put("own-user-1", UserProfile(attributes={"secret": "mine"}))
    client.event_types.set("own-type", 2)
    client.scenarios.put("own-scenario", RankingOptions(num_items=3))
    client.training.schedule.set(2160)
    client.items.send([items[0], {"item_id": "own-fault", "year": "when"}])
    job = trained(client)
    assert job.model_version is not None
    line = items[0].model_dump_json().encode()
    return {
        "item_id": "own-1",
        "user_id": "own-user-1",
        "event_id": "own-1-1",
        "event_type": "own-type",
        "name": "own-scenario",
        "job_id": job.job_id,
        "model_version": job.model_version,
        "recommendation_id": client.recommendations.for_user("own-user-1").recommendation_id,
        "erasure_id": client.users.erase("own-user-11").erasure_id,
        "key_id": client.keys.create(name="own").key_id,
        "import_id": client.imports.start(
            DataType.ITEMS, line, file_format=FileFormat.JSONL
        ).import_id,
        "quarantine_id": str(next(iter(client.quarantine.list())).quarantine_id),
        "plan_id": "standard",
    }


def did(answer: httpx2.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def tried(client: httpx2.Client, method: str, path: str, ids: dict[str, str]) -> tuple[int, str]:
    """Status and body of an operation on the things of `ids`, without what differs by nature."""
    body = body_of(method, path)
    if path.endswith("/merge"):
        # A session becomes one user, so each merge needs a session of its own.
        body = {"from_user_id": f"session of {ids['user_id']}"}
    answer = client.request(
        method,
        filled(path, ids),
        json=body,
        params=wanted_query(path, ids),
    )
    text = answer.text
    for name in re.findall(r"\{([^}:]+)[^}]*\}", path):
        text = text.replace(ids[name], name)
    return answer.status_code, MOMENTS.sub(r'"\1":null', text)


MOMENTS: Final = re.compile(
    r'"(trace_id|[a-z_]+_at|version|erasure_id|user_id_hash|recommendation_id|key|key_id|'
    r'audit_id|etag)":\s*("[^"]*"|\d+|null)'
)


@pytest.mark.parametrize(("method", "path"), WITH_IDS, ids=lambda part: part)
def test_another_tenants_thing_is_as_one_that_nobody_has(
    owner: Owner, stranger: httpx2.Client, method: str, path: str
) -> None:
    before = tried(stranger, method, path, nothing_of(owner.ids))
    assert tried(stranger, method, path, owner.ids) == before
    assert before[0] != 403
    if "/admin/" in path:
        assert before[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        {"user_id": "own-user-1"},
        {"history": ["own-1", "own-2"]},
        {"item_id": "own-1"},
        {"context": {}, "filters": {"items": ["own-1"]}},
        {"context": {}, "pins": [{"item_id": "own-1", "position": 1}]},
        {"context": {}, "scenario": "own-scenario"},
    ],
    ids="-".join,
)
def test_a_body_with_another_tenants_ids_reaches_nothing(
    owner: Owner, stranger: httpx2.Client, body: dict[str, Any]
) -> None:
    did(stranger.put("/api/v1/items/theirs", json={"title": "Theirs"}))
    answer = stranger.post("/api/v1/recommendations", json=body)
    found = answer.json()
    assert answer.status_code in (200, 404), answer.text
    assert {item["item_id"] for item in found.get("items", [])} <= {"theirs"}
    assert "Own" not in answer.text


def test_what_strangers_do_changes_and_counts_nothing_of_the_owner(
    system: System, owner: Owner, stranger: httpx2.Client
) -> None:
    before = owner.everything()
    counted = requests_of(system, "owner")
    for method, path in OPERATIONS:
        stranger.request(
            method,
            filled(path, owner.ids),
            json=body_of(method, path),
            params=wanted_query(path, owner.ids),
        )
    merge = {"from_user_id": owner.ids["user_id"]}
    did(stranger.post("/api/v1/users/theirs/merge", json=merge))
    assert requests_of(system, "owner") == counted
    assert owner.everything() == before


def requests_of(system: System, tenant_id: str) -> int:
    """What is counted of the tenant's requests, those until now included."""
    with system.operator() as operator:

        def counted(of: str) -> int:
            rows = operator.usage.report().rows
            return sum(row.requests for row in rows if row.tenant_id == of)

        # Counts are written together: what came before the marker is there when the marker is.
        marker = f"marker-{time.time_ns()}"
        with system.recommender(system.new_tenant(marker)) as client:
            client.tenant.get()
        wait_for(lambda: counted(marker), bool, 20)
        return counted(tenant_id)


@pytest.mark.parametrize("path", [path for method, path in WITH_IDS if method == "get"])
def test_another_tenants_thing_takes_as_long_as_nothing(
    owner: Owner, stranger: httpx2.Client, path: str
) -> None:
    theirs, nothing = filled(path, owner.ids), filled(path, nothing_of(owner.ids))
    # What else the machine does comes and goes: a difference that is the answer's own stays.
    for _ in range(3):
        one, other = usual_seconds(stranger, theirs, nothing)
        if abs(one - other) < 0.25 * other + 0.001:
            return
    pytest.fail(f"each time: {one:.4f} s, and {other:.4f} s for nothing")


def usual_seconds(client: httpx2.Client, *paths: str) -> list[float]:
    """How long each is answered: the quicker quarter, as whatever else goes on only ever adds."""
    seconds: dict[str, list[float]] = {path: [] for path in paths}
    for turn in range(TRIALS):
        for path in paths if turn % 2 else reversed(paths):
            started = time.perf_counter()
            client.get(path)
            seconds[path].append(time.perf_counter() - started)
    return [statistics.quantiles(some, n=4)[0] for some in seconds.values()]
