"""Requests as they go over the wire."""

import inspect
import json
import re
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import httpx2
import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.client.conftest import KEY, sync_client
from tests.unit.client.recommender_stub import Stub

from contracts.public.recommendations import BatchRecommendationRequest
from recommender_client import (
    AsyncRecommender,
    JobFailed,
    Operator,
    Recommender,
    TimedOut,
    VersionConflict,
)
from recommender_client.calls import path_of
from recommender_client.groups.recommendations import PlacedRanking
from recommender_client.models import (
    Boost,
    Context,
    DataType,
    FileFormat,
    Filters,
    ItemContent,
    RankingOptions,
)
from recommender_client.operations import Group, Operation, Paged


def test_a_request_says_only_what_was_said(stub: Stub, client: Recommender) -> None:
    boost = Boost(where=Filters(categories=["New"]), weight=1.0)
    client.recommendations.for_user("u", scenario="home", boosts=[boost])
    assert json.loads(stub.seen[0].body) == {
        "user_id": "u",
        "scenario": "home",
        "boosts": [{"where": {"categories": ["New"]}, "weight": 1.0}],
    }


def test_each_kind_of_question_has_its_field(stub: Stub, client: Recommender) -> None:
    client.recommendations.for_history(("a", "b"))
    client.recommendations.similar("a")
    client.recommendations.for_context(Context(region="DE"))
    assert [json.loads(seen.body) for seen in stub.seen] == [
        {"history": ["a", "b"]},
        {"item_id": "a"},
        {"context": {"region": "DE"}},
    ]


def test_every_option_of_a_request_is_an_argument() -> None:
    arguments = set(inspect.get_annotations(PlacedRanking)) | set(PlacedRanking.__optional_keys__)
    assert arguments == set(BatchRecommendationRequest.model_fields) - {"user_ids"}
    assert set(RankingOptions.model_fields) | {"scenario"} == arguments


@given(st.text(min_size=1, max_size=20, alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_id_reaches_the_api_as_it_is(item_id: str) -> None:
    request = httpx2.Request("GET", "http://recs.test" + path_of("items", item_id, "similar"))
    match = re.fullmatch(r"/api/v1/items/(.*)/similar", request.url.path, re.DOTALL)
    assert match is not None
    assert match[1] == item_id


@pytest.mark.parametrize("item_id", ["a/b?c=d#e", ".", "..", "été 100%", "%2F"])
def test_ids_of_all_kinds_make_the_round_trip(client: Recommender, item_id: str) -> None:
    client.items.put(item_id, ItemContent(title="One"))
    assert client.items.get(item_id).item_id == item_id


def test_versions_guard_changes(client: Recommender) -> None:
    first = client.items.create("i", ItemContent(title="One"))
    second = client.items.put("i", ItemContent(title="Two"), if_version=first.version)
    with pytest.raises(VersionConflict):
        client.items.put("i", ItemContent(title="Three"), if_version=first.version)
    with pytest.raises(VersionConflict):
        client.items.create("i", ItemContent(title="Three"))
    assert client.items.get("i") == second
    assert client.items.delete("i") is None


def test_batches_larger_than_a_request_are_split(stub: Stub, client: Recommender) -> None:
    answers = client.recommendations.batch((f"u{n}" for n in range(2_100)), num_items=1)
    assert [answer.user_id for answer in answers] == [f"u{n}" for n in range(2_100)]
    assert [len(json.loads(seen.body)["user_ids"]) for seen in stub.seen] == [1_000, 1_000, 100]


def test_rejected_records_keep_their_place_over_several_requests(
    stub: Stub, client: Recommender
) -> None:
    events = [
        {"event_id": f"e{n}", "item_id": "bad" if n in {3, 10_001} else "good"}
        for n in range(10_003)
    ]
    result = client.events.send(events)
    assert (result.accepted, [one.index for one in result.rejected]) == (10_001, [3, 10_001])
    again = client.events.send(events)
    assert (again.accepted, again.duplicates) == (0, 10_001)


def test_hooked_headers_are_asked_for_with_each_attempt(stub: Stub, portal: BlockingPortal) -> None:
    spans = iter(range(10))

    def traceparent() -> Mapping[str, str]:
        return {"traceparent": f"00-{'1' * 32}-{next(spans):016x}-01"}

    stub.faults.append(503)
    with sync_client(stub, portal, headers=traceparent) as client:
        client.recommendations.for_user("u")
    assert [seen.headers["traceparent"][-4:-3] for seen in stub.seen] == ["0", "1"]


def test_every_request_has_its_key_and_its_sender(stub: Stub, client: Recommender) -> None:
    assert client.usage.csv() == "day,tenant_id\n"
    headers = stub.seen[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert re.fullmatch(r"recommender-client/\d+\.\d+\.\d+", headers["user-agent"])


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_a_file_is_sent_in_its_format_and_again_from_its_start(
    stub: Stub, client: Recommender, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"items{suffix}"
    path.write_bytes(b"x" * 600_000)
    stub.faults.append(503)
    job = client.imports.start(DataType.ITEMS, path)
    assert job.bytes == 600_000
    assert job.format.value == suffix.removeprefix(".")
    assert [len(seen.body) for seen in stub.seen] == [600_000, 600_000]


@pytest.mark.anyio
async def test_an_async_client_uploads_files_bytes_and_iterators(
    async_client: AsyncRecommender, tmp_path: Path
) -> None:
    async def pieces() -> AsyncGenerator[bytes]:
        yield b"12"
        yield b"345"

    path = tmp_path / "items.csv"
    path.write_bytes(b"x" * 300_000)
    start = async_client.imports.start
    assert (await start(DataType.ITEMS, str(path))).bytes == 300_000
    assert (await start(DataType.ITEMS, b"123", file_format=FileFormat.CSV)).bytes == 3
    assert (await start(DataType.ITEMS, pieces(), file_format=FileFormat.CSV)).bytes == 5
    assert (await start(DataType.ITEMS, [b"1", b"2"], file_format=FileFormat.CSV)).bytes == 2


def test_waiting_ends_with_the_job(stub: Stub, client: Recommender) -> None:
    stub.job_statuses.extendleft(["running", "queued"])
    seen: list[str] = []
    job = client.imports.wait(
        "imp-1", poll_seconds=0.001, on_progress=lambda job: seen.append(job.status.value)
    )
    assert job.status.value == "completed"
    assert seen == ["queued", "running"]
    stub.job_statuses[-1] = "failed"
    with pytest.raises(JobFailed) as raised:
        client.imports.wait("imp-1")
    assert raised.value.job.import_id == "imp-1"
    stub.job_statuses[-1] = "running"
    with pytest.raises(TimedOut, match=r"running after 0\.01 s"):
        client.imports.wait("imp-1", timeout_seconds=0.01, poll_seconds=0.001)


def _groups(client: Group[object]) -> list[type[Group[object]]]:
    found: list[type[Group[object]]] = []
    for value in vars(client).values():
        if isinstance(value, Group):
            found += [type(value), *_groups(value)]
    return found


def test_every_operation_says_what_it_does(client: Recommender) -> None:
    with Operator("http://recs.test", KEY) as operator:
        groups = {*_groups(client), *_groups(operator)}
    operations = [
        (group.__name__, name, value)
        for group in groups
        for name, value in vars(group).items()
        if isinstance(value, Operation | Paged)
    ]
    assert len(operations) > 60
    for group, name, operation in operations:
        assert (operation.__doc__ or "").strip(), f"{group}.{name}"


def test_help_shows_the_arguments_of_an_operation(client: Recommender) -> None:
    assert str(inspect.signature(client.items.put)) == (
        "(item_id: str, content: contracts.items.ItemContent, *, if_version: int | None = None)"
    )
    assert client.items.put.__doc__ == "Create or replace an item."
    assert client.items.put is client.items.put
