import time

from tests.otlp_collector import Collector, attributes

from instrumentation.metrics import Metrics
from instrumentation.stages import Stage, TimedStage, observe_stages, record_stages
from instrumentation.tracing import Tracing


def stages() -> list[Stage]:
    start = time.time_ns()
    return [
        Stage("recommendation_pipeline", start, start + 9_000_000),
        Stage("ann_search", start, start + 5_000_000, {"k": 10}, parent="recommendation_pipeline"),
    ]


def test_a_stage_is_a_timed_stage() -> None:
    assert isinstance(Stage("a", 1, 2), TimedStage)
    assert Stage("a", 0, 1_500_000_000).seconds == 1.5


def test_stages_become_spans_with_their_own_times(exporting: Tracing, collector: Collector) -> None:
    timed = stages()
    with exporting.span("request") as request:
        record_stages(exporting.tracer, timed)
    exporting.close()
    pipeline, search = collector.span("recommendation_pipeline"), collector.span("ann_search")
    assert pipeline.parent_span_id.hex() == f"{request.get_span_context().span_id:016x}"
    assert search.parent_span_id == pipeline.span_id
    assert search.start_time_unix_nano == timed[1].start_ns
    assert search.end_time_unix_nano == timed[1].end_ns
    assert attributes(search) == {"k": 10}


def test_an_explicit_parent_takes_the_stages(exporting: Tracing, collector: Collector) -> None:
    parent = exporting.tracer.start_span("job")
    record_stages(exporting.tracer, stages()[:1], parent=parent)
    parent.end()
    exporting.close()
    found = collector.span("recommendation_pipeline").parent_span_id.hex()
    assert found == f"{parent.get_span_context().span_id:016x}"


def test_nothing_is_recorded_without_a_recording_span(
    exporting: Tracing, tracing: Tracing, collector: Collector
) -> None:
    with tracing.span("not recording"):
        record_stages(exporting.tracer, stages())
    with exporting.span("only"):
        pass
    exporting.close()
    assert [span.name for span in collector.spans(1)] == ["only"]


def test_stages_fill_a_histogram() -> None:
    metrics = Metrics("ml-engine")
    name = "ml_model_inference_duration_seconds"
    observe_stages(metrics, name, stages(), stage_label="operation", model_version="3")
    labels = {"operation": "ann_search", "model_version": "3"}
    assert metrics.registry.get_sample_value(f"{name}_sum", labels) == 0.005
