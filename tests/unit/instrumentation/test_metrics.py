import subprocess
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from tests.stack.stack_programs import program
from tests.unit.instrumentation.conftest import Settings

from instrumentation import documentation
from instrumentation.catalogue import ALL, CATALOGUE
from instrumentation.metrics import Metrics, UnknownMetricError, exemplar
from instrumentation.tracing import Tracing, start_tracing

ROOT = Path(__file__).parents[3]


def filled(service: str) -> Metrics:
    """A service's metrics with one series in each family."""
    metrics = Metrics(service)
    use = {"counter": metrics.inc, "gauge": metrics.set, "histogram": metrics.observe}
    for metric in CATALOGUE:
        if service in metric.services:
            use[metric.kind](metric.name, 1.0, **dict.fromkeys(metric.labels, "x"))
    return metrics


def test_names_in_the_catalogue_are_unique() -> None:
    names = [metric.name for metric in CATALOGUE]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("service", sorted(ALL))
def test_every_metric_of_a_service_is_exposed_under_its_name(service: str) -> None:
    exposed = generate_latest(filled(service).registry).decode()
    for metric in CATALOGUE:
        assert (f"# TYPE {metric.name} {metric.kind}\n" in exposed) == (service in metric.services)


@pytest.mark.parametrize("service", sorted(ALL))
def test_openmetrics_names_the_unit(service: str) -> None:
    exposed = generate_openmetrics(filled(service).registry).decode()
    assert "# UNIT http_request_duration_seconds seconds" in exposed
    assert "http_requests_total{" in exposed
    assert exposed.endswith("# EOF\n")


@pytest.mark.parametrize("service", sorted(ALL))
def test_promtool_has_nothing_to_say(service: str) -> None:
    exposed = generate_latest(filled(service).registry)
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"], input=exposed, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_access_is_typed(metrics: Metrics) -> None:
    assert isinstance(metrics.counter("errors_total"), Counter)
    assert isinstance(metrics.gauge("build_info"), Gauge)
    assert isinstance(metrics.histogram("recommendation_latency_seconds"), Histogram)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nonsense_total", "'nonsense_total' is no metric of backend-api in the catalogue"),
        ("training_job_total", "is no metric of backend-api"),
        ("build_info", "build_info is a gauge, not a counter"),
    ],
)
def test_a_name_that_is_not_in_the_catalogue_is_refused(
    metrics: Metrics, name: str, message: str
) -> None:
    with pytest.raises(UnknownMetricError, match=message):
        metrics.counter(name)


def test_wrong_labels_are_refused(metrics: Metrics) -> None:
    with pytest.raises(UnknownMetricError, match=r"errors_total has the labels \('error_type',\)"):
        metrics.inc("errors_total", kind="x")
    with pytest.raises(UnknownMetricError):
        metrics.inc("errors_total")


def test_an_unknown_service_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown service 'web'"):
        Metrics("web")


def test_the_order_of_labels_does_not_matter(metrics: Metrics) -> None:
    metrics.observe("cache_operations_duration_seconds", 0.1, cache_type="a", operation="b")
    metrics.observe("cache_operations_duration_seconds", 0.1, operation="b", cache_type="a")
    labels = {"cache_type": "a", "operation": "b"}
    name = "cache_operations_duration_seconds_count"
    assert metrics.registry.get_sample_value(name, labels) == 2


def test_build_info_says_what_runs() -> None:
    metrics = Metrics("ml-engine", version="1.2.3", environment="test")
    labels = {"service": "ml-engine", "version": "1.2.3", "environment": "test"}
    assert metrics.registry.get_sample_value("build_info", labels) == 1


def test_tenants_beyond_the_limit_share_one_series() -> None:
    metrics = Metrics("backend-api", tenant_limit=3)
    for number in range(10):
        metrics.inc("api_requests_total", tenant_id=f"t{number}", endpoint="/api")
    labels = {"tenant_id": "other", "endpoint": "/api"}
    assert metrics.registry.get_sample_value("api_requests_total", labels) == 7


def test_a_forgotten_series_is_gone_and_can_return() -> None:
    metrics = Metrics("ml-engine")
    labels = {"job_id": "j1", "tenant_id": "acme"}
    metrics.set("training_job_status", 1, **labels)
    metrics.forget("training_job_status", **labels)
    assert metrics.registry.get_sample_value("training_job_status", labels) is None
    metrics.set("training_job_status", 2, **labels)
    assert metrics.registry.get_sample_value("training_job_status", labels) == 2


def versions(metrics: Metrics, name: str) -> list[str]:
    """The model versions that have a series in a family."""
    samples = next(f for f in metrics.registry.collect() if f.name == name.removesuffix("_total"))
    return sorted({sample.labels["model_version"] for sample in samples.samples})


def test_a_tenants_old_model_versions_have_no_series_any_more() -> None:
    metrics = Metrics("backend-api")
    for number in range(8):
        for algorithm in ("two-tower", "popularity"):
            labels = {"tenant_id": "acme", "model_version": f"v{number}", "algorithm": algorithm}
            metrics.inc("recommendations_served_total", **labels)
    assert versions(metrics, "recommendations_served_total") == ["v3", "v4", "v5", "v6", "v7"]
    metrics.inc(
        "recommendations_served_total", tenant_id="acme", model_version="v0", algorithm="two-tower"
    )
    assert versions(metrics, "recommendations_served_total") == ["v0", "v4", "v5", "v6", "v7"]


def test_versions_without_a_tenant_are_bounded_by_how_many_tenants_there_may_be() -> None:
    metrics = Metrics("ml-engine", tenant_limit=3)
    name = "ml_model_inference_duration_seconds"
    for number in range(10):
        metrics.observe(name, 0.1, operation="reranking", model_version=f"v{number}")
    assert versions(metrics, name) == ["v7", "v8", "v9"]


def test_tenants_beyond_the_limit_bring_no_versions_without_end() -> None:
    metrics = Metrics("backend-api", tenant_limit=3)
    for number in range(100):
        metrics.set("recommendation_ctr", 0.1, tenant_id=f"t{number}", model_version=f"v{number}")
    assert len(versions(metrics, "recommendation_ctr")) <= 6


def test_a_series_of_a_tenant_beyond_the_limit_can_be_forgotten() -> None:
    metrics = Metrics("ml-engine", tenant_limit=1)
    metrics.inc("training_job_completed_total", tenant_id="first")
    labels = {"job_id": "j1", "tenant_id": "second"}
    metrics.set("training_job_status", 1, **labels)
    metrics.forget("training_job_status", **labels)
    other = {"job_id": "j1", "tenant_id": "other"}
    assert metrics.registry.get_sample_value("training_job_status", other) is None


def test_two_services_share_nothing() -> None:
    one, other = Metrics("backend-api"), Metrics("backend-api")
    one.inc("errors_total", error_type="x")
    assert other.registry.get_sample_value("errors_total", {"error_type": "x"}) is None


def test_an_exemplar_is_the_current_sampled_span(tracing: Tracing) -> None:
    assert exemplar() is None
    with tracing.span("work") as span:
        identity = span.get_span_context()
        assert exemplar() == {
            "trace_id": f"{identity.trace_id:032x}",
            "span_id": f"{identity.span_id:016x}",
        }
    with start_tracing(Settings(trace_sample_rate=0)).span("work"):
        assert exemplar() is None


def test_the_documentation_is_current() -> None:
    page = ROOT / "docs/metrics.md"
    assert documentation.main(["--check", "--output", str(page)]) == 0, (
        "run `python -m instrumentation.documentation`"
    )


def test_the_check_finds_a_stale_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "metrics.md"
    assert documentation.main(["--output", str(page)]) == 0
    page.write_text(page.read_text() + "stale")
    assert documentation.main(["--check", "--output", str(page)]) == 1
    assert "is not current" in capsys.readouterr().err
