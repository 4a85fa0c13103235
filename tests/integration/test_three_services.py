"""The main job through all three services in one process: from events to a recommendation."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from tests.integration.three_services import SAMPLE, System, running_system
from tests.otlp_collector import Collector

pytestmark = pytest.mark.anyio

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
EVENTS_TRACE_ID = "7c0ffee0577b34da6a3ce929d0e0e473"
TRACEPARENT = {"traceparent": f"00-{TRACE_ID}-{CALLER}-01"}


@pytest.fixture
async def system(tmp_path: Path, collector: Collector) -> AsyncGenerator[System]:
    async with running_system(tmp_path, otlp_endpoint=collector.url) as system:
        yield system


async def test_events_become_recommendations_that_follow_new_events(
    system: System, collector: Collector
) -> None:
    version = await system.train()
    ask = {"user_id": "newcomer", "num_items": 5}
    first = (await system.api.post("/api/v1/recommendations", json=ask)).json()
    assert (first["model_version"], first["algorithm"]) == (version, "popularity")

    event = SAMPLE.events[-1].model_dump(mode="json") | {"event_id": "n", "user_id": "newcomer"}
    sent = await system.api.post("/api/v1/events", json={"events": [event, event]})
    assert (sent.status_code, sent.json()["accepted"], sent.json()["duplicates"]) == (202, 1, 1)

    system.output.truncate(system.output.seek(0))
    answer = await system.api.post("/api/v1/recommendations", json=ask, headers=TRACEPARENT)
    second = answer.json()
    assert (second["model_version"], second["algorithm"]) == (version, "two-tower")
    assert len(second["items"]) == 5
    assert event["item_id"] not in {item["item_id"] for item in second["items"]}

    assert answer.headers["x-trace-id"] == TRACE_ID
    lines = [json.loads(line) for line in system.output.getvalue().splitlines()]
    assert {line["endpoint"] for line in lines} == {
        "/api/v1/recommendations",
        "/v1/tenants/{tenant}/recommendations",
    }
    assert {line["trace_id"] for line in lines} == {TRACE_ID}

    of_events = {"traceparent": f"00-{EVENTS_TRACE_ID}-{CALLER}-01"}
    more = {"events": [{**event, "event_id": "m"}]}
    await system.api.post("/api/v1/events", json=more, headers=of_events)

    recommending = [
        "POST /v1/tenants/{tenant}/recommendations",
        "ml-engine recommend",
        "POST /api/v1/recommendations",
    ]
    for inmost in ("embedding_lookup", "ann_search", "reranking"):
        path = [inmost, "ml_inference", "recommendation_pipeline", *recommending]
        assert upwards(collector, inmost, TRACE_ID) == path
    for stage in ("feature_enrichment", "candidate_filtering"):
        path = [stage, "recommendation_pipeline", *recommending]
        assert upwards(collector, stage, TRACE_ID) == path
    path = ["feature_store user", *recommending]
    assert upwards(collector, "feature_store user", TRACE_ID) == path
    for stage in ("extract", "transform", "load"):
        assert upwards(collector, stage, EVENTS_TRACE_ID) == [
            stage,
            "POST /v1/tenants/{tenant}/events",
            "data-pipeline send_events",
            "POST /api/v1/events",
        ]
    by_id = {span.span_id: span for span in collector.spans(1)}
    job = collector.span("training_job")
    assert {link.trace_id for link in job.links} <= {span.trace_id for span in by_id.values()}
    assert job.links
    stages = {span.name for span in by_id.values() if span.parent_span_id == job.span_id}
    assert stages == {
        "data_loading",
        "feature_engineering",
        "model_training",
        "index_building",
        "model_evaluation",
    }


def upwards(collector: Collector, name: str, trace_id: str) -> list[str]:
    """The names of a span of the trace and of those around it, up to the caller's."""
    found = collector.span(name, trace_id)
    path = [found.name]
    while found.parent_span_id.hex() != CALLER:
        found = collector.span_by_id(found.parent_span_id)
        path.append(found.name)
    return path
