"""Health: alive, ready, and a report of what stands behind."""

from typing import Any

import pytest
from starlette.responses import Response
from tests.integration.backend_api.conftest import Api

pytestmark = pytest.mark.anyio


def checks(report: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["status"] for check in report["checks"]}


async def test_all_is_well(api: Api) -> None:
    for path in ("/health/live", "/health/ready", "/health", "/health/deep"):
        assert (await api.client.get(path)).status_code == 200
    report = (await api.client.get("/health")).json()
    assert report["status"] == "healthy"
    assert checks(report) == {
        "database": "ok",
        "cache": "ok",
        "ml-engine": "ok",
        "data-pipeline": "ok",
    }


async def test_ready_without_the_services_behind_and_says_which_is_away(api: Api) -> None:
    api.ml_engine.answer_with = Response(status_code=502)
    assert (await api.client.get("/health/ready")).status_code == 200
    response = await api.client.get("/health")
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert checks(response.json())["ml-engine"] == "failed"
    assert checks(response.json())["data-pipeline"] == "ok"
    assert await api.metric("errors_total") == 0


async def test_not_ready_without_its_own_database(api: Api) -> None:
    for path in (api.settings.data_dir / "backend-api").iterdir():
        # SQLite believes its shared memory, and would map all of the memory that garbage names.
        if not path.name.endswith("-shm"):
            path.write_bytes(b"no database any more" * 1_000)
    response = await api.client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["failing"] == ["database"]
    assert (await api.client.get("/health/live")).status_code == 200
