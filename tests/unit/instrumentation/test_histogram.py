from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanContext, TraceFlags
from prometheus_client import CollectorRegistry, Histogram

from instrumentation.histogram import TracedHistogram

SAMPLED = SpanContext(7, 5, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
BUCKETS = (0.1, 1.0, 10.0)


def shown(kind: type[Histogram], values: list[float]) -> list[tuple[str, str | None, float]]:
    registry = CollectorRegistry()
    histogram = kind("wait", "How long.", ["of"], buckets=BUCKETS, registry=registry)
    for value in values:
        histogram.labels("x").observe(value)
    return [
        (sample.name, sample.labels.get("le"), sample.value)
        for family in registry.collect()
        for sample in family.samples
        if sample.name != "wait_created"
    ]


@given(st.lists(st.sampled_from(BUCKETS) | st.floats(0, 100)))
def test_values_fall_where_the_library_lets_them_fall(values: list[float]) -> None:
    assert shown(TracedHistogram, values) == shown(Histogram, values)


def test_a_kept_span_is_the_exemplar_of_its_value_and_of_no_other() -> None:
    registry = CollectorRegistry()
    histogram = TracedHistogram("wait", "How long.", buckets=BUCKETS, registry=registry)
    histogram.observe_within(0.5, SAMPLED)
    histogram.observe_within(5.0, INVALID_SPAN_CONTEXT)
    histogram.observe(0.05, {"trace_id": "given"})
    found = {
        sample.labels["le"]: sample.exemplar
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "wait_bucket"
    }
    assert found["10.0"] is None
    assert found["1.0"] is not None
    assert found["1.0"].labels == {"trace_id": f"{7:032x}", "span_id": f"{5:016x}"}
    assert found["1.0"].value == 0.5
    assert found["0.1"] is not None
    assert found["0.1"].labels == {"trace_id": "given"}
