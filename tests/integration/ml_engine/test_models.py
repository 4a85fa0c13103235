"""Models: which one serves, how that changes, and how they compare."""

import json
import shutil
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import httpx2
import pytest
from tests.in_process import running
from tests.integration.ml_engine.conftest import ADDRESS, TENANT, TOKEN, Place, engine, trained

from contracts.client import ServiceError
from contracts.ml_engine import MlEngineClient
from contracts.recommendations import RecommendationQuery
from contracts.training import JobStatus, ModelVersion, TrainingJobRequest
from ml_engine.bootstrap import build_app
from ml_engine.settings import Settings

pytestmark = pytest.mark.anyio

QUERY = RecommendationQuery(user_id="nobody", num_items=50)


@pytest.fixture(scope="module")
def two_models(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which a second model was trained, which serves."""
    data_dir = tmp_path_factory.mktemp("models") / "data"
    shutil.copytree(place.data_dir, data_dir)

    async def train() -> None:
        async with engine(_settings(data_dir)) as client:
            job = await trained(client, place.snapshot_id)
            assert job.status is JobStatus.COMPLETED, job.error

    anyio.run(train)
    return data_dir


def _settings(data_dir: Path) -> Settings:
    return Settings(data_dir=data_dir, service_token=TOKEN, log_level="WARNING")


@pytest.fixture
def settings(two_models: Path, tmp_path: Path) -> Settings:
    data_dir = tmp_path / "data"
    shutil.copytree(two_models, data_dir)
    return _settings(data_dir)


@pytest.fixture
async def client(settings: Settings) -> AsyncGenerator[MlEngineClient]:
    async with engine(settings) as client:
        yield client


async def versions(client: MlEngineClient) -> list[str]:
    """Newest first."""
    return [m.model_version for m in (await client.models(TENANT, limit=10)).data]


async def test_the_newest_serves_until_another_is_activated(client: MlEngineClient) -> None:
    newest, oldest = await versions(client)
    assert (await client.recommend(TENANT, QUERY)).model_version == newest
    activated = await client.activate(TENANT, oldest)
    assert (activated.model_version, activated.serving) == (oldest, True)
    assert (await client.recommend(TENANT, QUERY)).model_version == oldest
    assert not (await client.model(TENANT, newest)).serving


async def test_rolling_back_goes_to_what_served_before_and_no_further(
    client: MlEngineClient, settings: Settings
) -> None:
    newest, oldest = await versions(client)
    await client.activate(TENANT, oldest)
    # Served before: newest, and before it oldest.
    assert (await client.roll_back(TENANT)).model_version == newest
    assert (await client.recommend(TENANT, QUERY)).model_version == newest
    assert (await client.roll_back(TENANT)).model_version == oldest
    with pytest.raises(ServiceError) as failure:
        await client.roll_back(TENANT)
    problem = failure.value.problem
    assert (problem.status, problem.code) == (409, "nothing_to_roll_back_to")
    assert (await client.recommend(TENANT, QUERY)).model_version == oldest
    with pytest.raises(ServiceError):
        await client.roll_back("other")


async def test_what_was_activated_serves_after_a_restart(settings: Settings) -> None:
    async with engine(settings) as client:
        oldest = (await versions(client))[-1]
        await client.activate(TENANT, oldest)
    async with engine(settings) as client:
        assert (await client.recommend(TENANT, QUERY)).model_version == oldest


async def test_an_unknown_or_foreign_model_cannot_serve(client: MlEngineClient) -> None:
    newest = (await versions(client))[0]
    for tenant_id, version in ((TENANT, "no-such-model"), ("other", newest)):
        with pytest.raises(ServiceError) as failure:
            await client.activate(tenant_id, version)
        assert failure.value.problem.code == "model_not_found"
    assert (await client.recommend(TENANT, QUERY)).model_version == newest


def longer(content: bytes) -> bytes:
    """A list of item ids, and of titles, with one more of each."""
    items = json.loads(content)
    return json.dumps({name: [*values, "x"] for name, values in items.items()}).encode()


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("popularity.npy", lambda _: b"not an array"),
        ("item_vectors.npy", lambda content: content[:-10]),
        ("trend_table.npy", lambda _: b""),
        ("history_vectors.npy", None),
        ("model.json", lambda _: b"[]"),
        ("items.json", lambda _: b"{}"),
        ("items.json", longer),
    ],
)
@pytest.mark.parametrize("change", ["activate", "roll_back"])
async def test_a_damaged_model_never_serves(
    settings: Settings, name: str, spoil: Callable[[bytes], bytes] | None, change: str
) -> None:
    async with engine(settings) as client:
        newest, oldest = await versions(client)
        copies = list(settings.data_dir.rglob(f"{TENANT}/{oldest}/{name}"))
        assert copies
        for copy in copies:
            if spoil is None:
                copy.unlink()
            else:
                copy.write_bytes(spoil(copy.read_bytes()))
        with pytest.raises(ServiceError) as failure:
            await (
                client.roll_back(TENANT)
                if change == "roll_back"
                else client.activate(TENANT, oldest)
            )
        problem = failure.value.problem
        assert (problem.status, problem.code) == (409, "model_damaged")
        assert "train again" in problem.detail
        assert (await client.model(TENANT, newest)).serving
        assert (await client.recommend(TENANT, QUERY)).model_version == newest


async def test_a_model_that_was_damaged_meanwhile_stops_no_start(settings: Settings) -> None:
    async with engine(settings) as client:
        newest, oldest = await versions(client)
    for copy in settings.data_dir.rglob(f"{TENANT}/{newest}/model.json"):
        copy.write_bytes(b"[]")
    async with engine(settings) as client:
        answer = await client.recommend(TENANT, QUERY)
        assert (answer.model_version, answer.algorithm) == ("none", "popularity")
        assert (await client.activate(TENANT, oldest)).serving
        assert (await client.recommend(TENANT, QUERY)).model_version == oldest


async def test_swaps_under_requests_never_mix_two_models(client: MlEngineClient) -> None:
    newest, oldest = await versions(client)
    expected = {}
    for version in (newest, oldest):
        await client.activate(TENANT, version)
        answer = await client.recommend(TENANT, QUERY)
        expected[version] = answer
    seen: set[str] = set()
    stop = anyio.Event()

    async def ask() -> None:
        while not stop.is_set():
            answer = await client.recommend(TENANT, QUERY)
            assert answer == expected[answer.model_version]
            seen.add(answer.model_version)
            # Within one process nothing of a request waits, so that no other would have a turn.
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(ask)
        for _ in range(3):
            for version in (newest, oldest):
                await client.activate(TENANT, version)
        stop.set()
    assert seen == {newest, oldest}


async def test_models_are_compared_measure_by_measure(client: MlEngineClient) -> None:
    newest, oldest = await versions(client)
    comparison = await client.compare(TENANT, baseline=oldest, candidate=newest)
    assert comparison.same_data
    measures = {measure.metric: measure for measure in comparison.metrics}
    assert measures["ndcg_at_10"].difference == pytest.approx(0)
    with pytest.raises(ServiceError) as failure:
        await client.compare(TENANT, baseline=oldest, candidate="unknown")
    assert failure.value.problem.code == "model_not_found"


async def test_models_are_listed_in_pages(client: MlEngineClient) -> None:
    first = await client.models(TENANT, limit=1)
    second = await client.models(TENANT, limit=1, cursor=first.next_cursor)
    assert [first.data[0].model_version, second.data[0].model_version] == await versions(client)
    assert second.next_cursor is None
    with pytest.raises(ServiceError) as failure:
        await client.models(TENANT, limit=1, cursor="nonsense")
    assert failure.value.problem.code == "invalid_cursor"


async def test_a_swap_shows_in_the_metrics(settings: Settings) -> None:
    async with running(build_app(settings)) as over:
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx2.AsyncClient(transport=over, base_url=ADDRESS, headers=headers) as http:

            async def shown() -> tuple[str, str]:
                lines = (await http.get("/metrics")).text.splitlines()
                deployed = next(x for x in lines if x.startswith("model_version_deployed{"))
                quality = [x for x in lines if x.startswith("model_quality_ndcg_at_10{")]
                assert len(quality) == 1
                return deployed, quality[0]

            before = await shown()
            await http.post(f"/v1/tenants/{TENANT}/models/roll-back")
            after = await shown()
    assert before[0] != after[0]
    assert before[1].split("model_version")[1] != after[1].split("model_version")[1]


async def test_training_again_goes_on_after_a_roll_back(
    client: MlEngineClient, place: Place
) -> None:
    await client.roll_back(TENANT)
    request = TrainingJobRequest(snapshot_id=place.snapshot_id, seed=3)
    job = await client.start_training(TENANT, request)
    with anyio.fail_after(60):
        while (await client.training_job(TENANT, job.job_id)).model_version is None:
            await anyio.sleep(0.05)
    assert (await client.recommend(TENANT, QUERY)).model_version == job.job_id


def copied(data_dir: Path, version: str, name: str) -> None:
    """The same model under another name."""
    (folder,) = (data_dir / "objects").rglob(f"{TENANT}/{version}")
    copy = shutil.copytree(folder, folder.with_name(name)) / "record.json"
    record = ModelVersion.model_validate_json(copy.read_bytes())
    copy.write_text(record.model_copy(update={"model_version": name}).model_dump_json())


async def test_fewer_models_are_kept_from_the_next_start_on_but_those_that_are_pinned(
    settings: Settings,
) -> None:
    async with engine(settings) as client:
        newest, oldest = await versions(client)
        for name in ("0-old", "0-pinned"):
            copied(settings.data_dir, newest, name)
        assert (await client.pin(TENANT, "0-pinned")).pinned
    async with engine(settings.model_copy(update={"models_kept": 1})) as client:
        with anyio.fail_after(60):
            while "0-old" in await versions(client):
                await anyio.sleep(0.01)
        assert await versions(client) == [newest, oldest, "0-pinned"]
        assert not (await client.unpin(TENANT, "0-pinned")).pinned
        for change in (client.pin, client.unpin, client.activate):
            with pytest.raises(ServiceError) as failure:
                await change(TENANT, "0-old")
            assert failure.value.problem.code == "model_not_found"
