"""Each service by metrics, logs and traces, and each edge of its traces, in the real backends."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import httpx2
import pytest
from opentelemetry.trace import Span, use_span
from tests.e2e.launched import SERVICES
from tests.real_processes import wait_for
from tests.stack.observed_system import ENVIRONMENT, Observed, observed_system
from tests.stack.sender import Sender, trace_id
from tests.system.test_isolation import own_everything

from instrumentation.tracing import inject
from recommender_client import new_event
from stack.programs.jaeger import StoredSpan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CALLER: Final = "shop"
PAGE: Final = f"{CALLER}: a page"

ASKED: Final = "backend-api: POST /api/v1/recommendations"
ASKS: Final = "backend-api: ml-engine recommend"
RECOMMENDS: Final = "ml-engine: POST /v1/tenants/{tenant}/recommendations"
PIPELINE: Final = "ml-engine: recommendation_pipeline"
INFERENCE: Final = "ml-engine: ml_inference"
RECOMMENDATION: Final = (
    (PAGE, ASKED),
    (ASKED, "backend-api: api_key get"),
    (ASKED, ASKS),
    (ASKS, RECOMMENDS),
    (RECOMMENDS, "ml-engine: feature_store user"),
    (RECOMMENDS, "ml-engine: feature_store event_weights"),
    (RECOMMENDS, PIPELINE),
    (PIPELINE, "ml-engine: feature_enrichment"),
    (PIPELINE, "ml-engine: candidate_filtering"),
    (PIPELINE, INFERENCE),
    (INFERENCE, "ml-engine: embedding_lookup"),
    (INFERENCE, "ml-engine: ann_search"),
    (INFERENCE, "ml-engine: reranking"),
)
TOLD: Final = "backend-api: POST /api/v1/events"
TELLS: Final = "backend-api: data-pipeline send_events"
TAKES: Final = "data-pipeline: POST /v1/tenants/{tenant}/events"
LOAD: Final = "data-pipeline: load"
EVENTS: Final = (
    (PAGE, TOLD),
    (TOLD, "backend-api: idempotency begin"),
    (TOLD, TELLS),
    (TELLS, TAKES),
    (TAKES, "data-pipeline: extract"),
    (TAKES, "data-pipeline: transform"),
    (TAKES, LOAD),
    (LOAD, "data-pipeline: store"),
    (LOAD, "data-pipeline: project"),
    (TAKES, "data-pipeline: event_log store"),
    ("data-pipeline: event_log store", "data-pipeline: INSERT event_chunks"),
)
ORDERED: Final = "backend-api: POST /api/v1/training-jobs"
FREEZES: Final = "backend-api: data-pipeline create_snapshot"
SNAPSHOT: Final = "data-pipeline: POST /v1/tenants/{tenant}/snapshots"
ORDERS: Final = "backend-api: ml-engine start_training"
STARTS: Final = "ml-engine: POST /v1/tenants/{tenant}/training-jobs"
TRAINING: Final = (
    (PAGE, ORDERED),
    (ORDERED, FREEZES),
    (FREEZES, SNAPSHOT),
    (SNAPSHOT, "data-pipeline: freeze_events"),
    (SNAPSHOT, "data-pipeline: freeze_items"),
    (SNAPSHOT, "data-pipeline: profile_data"),
    (SNAPSHOT, "data-pipeline: write_snapshot"),
    (ORDERED, ORDERS),
    (ORDERS, STARTS),
    (STARTS, "ml-engine: job_store add"),
    ("ml-engine: job_store add", "ml-engine: INSERT training_jobs"),
)
EDGES: Final = [
    *(("recommendation", *edge) for edge in RECOMMENDATION),
    *(("events", *edge) for edge in EVENTS),
    *(("training", *edge) for edge in TRAINING),
]
STAGES: Final = ("data_loading", "feature_engineering", "model_training", "model_evaluation")


@dataclass(frozen=True, slots=True)
class Driven:
    """A system after requests, whose traces begin with a caller's own span."""

    observed: Observed
    traces: dict[str, str]
    """Ids of the traces of a recommendation, of events and of a training."""

    def edges(self, trace: str) -> set[tuple[str, str]]:
        """Parent and child of each span of a trace that Jaeger has."""
        spans = self.observed.stack.jaeger.trace(self.traces[trace])
        by_id = {span.span_id: shown(span) for span in spans}
        return {(by_id.get(span.parent_id, ""), shown(span)) for span in spans}


def shown(span: StoredSpan) -> str:
    return f"{span.service}: {span.name}"


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driven]:
    with observed_system(tmp_path_factory.mktemp("matrix")) as observed:
        system = observed.system
        key = system.new_tenant("acme", plan_id="enterprise")
        with system.recommender(key) as client:
            own_everything(client)
        sender = Sender(observed.stack.collector.otlp_url, CALLER)
        event = new_event("own-user-3", "own-1", "view").model_dump(mode="json")
        traces: dict[str, str] = {}
        with system.client(key) as http:
            for name, path, body in (
                ("recommendation", "/api/v1/recommendations", {"user_id": "own-user-2"}),
                ("events", "/api/v1/events", {"events": [event]}),
                ("training", "/api/v1/training-jobs", None),
            ):
                page = sender.span("a page")
                answer = called(http, page, path, body)
                traces[name] = answer.headers["x-trace-id"]
                assert traces[name] == trace_id(page)
        sender.flush()
        sender.close()
        yield Driven(observed, traces)


def called(http: httpx2.Client, page: Span, path: str, body: object) -> httpx2.Response:
    """The answer to a POST from within the page's span, as a traced caller sends it."""
    headers = {"idempotency-key": uuid4().hex}
    with use_span(page):
        inject(headers)
    answer = http.post(path, json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer


@pytest.mark.parametrize("service", SERVICES)
def test_prometheus_has_the_metrics_of_each_service(driven: Driven, service: str) -> None:
    prometheus = driven.observed.stack.prometheus
    for asked in (
        f'up{{job="{service}"}}',
        f'sum(http_requests_total{{job="{service}", tenant_id="acme"}})',
        f'sum(http_request_duration_seconds_count{{job="{service}"}})',
        f'sum(process_cpu_seconds_total{{job="{service}"}})',
        f'sum(traces_span_metrics_calls_total{{job="span-metrics", service_name="{service}"}})',
    ):
        wait_for(lambda asked=asked: prometheus.value(asked) or 0.0, lambda found: found > 0)


@pytest.mark.parametrize("service", SERVICES)
def test_loki_has_the_lines_of_each_service(driven: Driven, service: str) -> None:
    trace = driven.traces["training"]
    line = next(
        one
        for one in driven.observed.lines(trace, service)
        if one.fields.get("category") == "performance"
    )
    labels = {name: line.fields[name] for name in ("service", "environment", "level")}
    assert labels == {"service": service, "environment": ENVIRONMENT, "level": "INFO"}
    assert (line.fields["trace_id"], line.fields["tenant_id"]) == (trace, "acme")
    wait_for(
        lambda: {span.span_id: span for span in driven.observed.stack.jaeger.trace(trace)},
        lambda found: line.fields["span_id"] in found,
    )


def test_streams_have_no_other_labels(driven: Driven) -> None:
    driven.observed.lines(driven.traces["training"], "backend-api")
    assert driven.observed.stack.loki.labels() == {"service", "environment", "level"}


@pytest.mark.parametrize("service", SERVICES)
def test_jaeger_has_the_server_span_of_each_service(driven: Driven, service: str) -> None:
    def kinds() -> set[str]:
        spans = driven.observed.stack.jaeger.trace(driven.traces["training"])
        return {span.attributes["span.kind"] for span in spans if span.service == service}

    wait_for(kinds, lambda found: "server" in found)
    assert service in driven.observed.stack.jaeger.services()


@pytest.mark.parametrize(
    ("trace", "parent", "child"),
    [pytest.param(*edge, id=f"{edge[1]} > {edge[2]}") for edge in EDGES],
)
def test_each_span_hangs_below_the_one_that_caused_it(
    driven: Driven, trace: str, parent: str, child: str
) -> None:
    wait_for(lambda: driven.edges(trace), lambda found: (parent, child) in found)


@pytest.mark.parametrize("trace", ["recommendation", "events", "training"])
def test_no_span_of_a_trace_is_without_its_parent(driven: Driven, trace: str) -> None:
    def orphans() -> set[str]:
        return {child for parent, child in driven.edges(trace) if not parent}

    wait_for(orphans, lambda found: found == {PAGE})


def test_a_training_job_is_linked_to_its_request_and_has_its_stages(driven: Driven) -> None:
    observed, request = driven.observed, driven.traces["training"]
    started = observed.span(request, STARTS.partition(": ")[2])

    def jobs() -> list[StoredSpan]:
        traces = observed.stack.jaeger.search("ml-engine", operation="training_job")
        return [
            one for one in traces if request in {link[0] for span in one for link in span.links}
        ]

    ((job, *_),) = (
        sorted(trace, key=lambda span: bool(span.parent_id))
        for trace in wait_for(jobs, lambda found: len(found) == 1)
    )
    assert (job.name, job.links) == ("training_job", ((request, started.span_id),))
    assert job.trace_id != request
    for stage in STAGES:
        assert observed.span(job.trace_id, stage).parent_id == job.span_id
