"""The trace of an import: one of its own, linked to the request that brought the file."""

import asyncio

import httpx2
import pytest
from tests.in_process import running
from tests.integration.data_pipeline.real_server import TOKEN
from tests.otlp_collector import Collector, attributes

from data_pipeline.bootstrap import build_app

pytestmark = pytest.mark.anyio

IMPORTS = "/v1/tenants/acme/imports"


async def test_an_import_is_a_trace_linked_to_its_upload(settings, collector: Collector) -> None:
    app = build_app(settings.model_copy(update={"otlp_endpoint": collector.url}))
    async with (
        running(app) as transport,
        httpx2.AsyncClient(
            transport=transport,
            base_url="http://data-pipeline",
            headers={"authorization": f"Bearer {TOKEN}"},
        ) as client,
    ):
        params = {"data_type": "users", "format": "csv"}
        answer = await client.post(IMPORTS, params=params, content=b"user_id\nu1\n")
        path = f"{IMPORTS}/{answer.json()['import_id']}"
        while (await client.get(path)).json()["status"] != "completed":
            await asyncio.sleep(0.005)
    span = collector.span("import")
    [link] = span.links
    assert link.trace_id.hex() == answer.headers["x-trace-id"]
    assert link.span_id.hex() == answer.headers["x-span-id"]
    assert span.trace_id != link.trace_id
    assert not span.parent_span_id
    assert attributes(span) == {
        "import.id": answer.json()["import_id"],
        "tenant.id": "acme",
    }
    for name in ("extract", "transform", "load"):
        stage = collector.span(name)
        assert stage.trace_id == span.trace_id
    chunks = [one for one in collector.spans(1) if one.name == "import_chunk"]
    assert {chunk.parent_span_id for chunk in chunks} == {span.span_id}
