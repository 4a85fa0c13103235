"""Timed stages: domain code returns plain timings, the edge turns them into spans and metrics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from opentelemetry.context import Context
from opentelemetry.trace import Span, Tracer, get_current_span

from instrumentation.current_span import context_with

if TYPE_CHECKING:
    from instrumentation.metrics import Metrics

_NANOSECONDS: Final = 1e9


@runtime_checkable
class TimedStage(Protocol):
    """Anything with a name and two times in nanoseconds of Unix time (`time.time_ns`).

    It may also have `attributes` (a mapping) and `parent` (the name of the stage around it).
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def start_ns(self) -> int: ...  # noqa: D102
    @property
    def end_ns(self) -> int: ...  # noqa: D102


def _no_attributes() -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Stage:
    """One finished step of a pipeline; times are `time.time_ns()` at its start and end."""

    name: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any] = field(default_factory=_no_attributes)
    parent: str | None = None

    @property
    def seconds(self) -> float:
        """How long the stage took."""
        return (self.end_ns - self.start_ns) / _NANOSECONDS


def record_stages(tracer: Tracer, stages: Iterable[TimedStage], parent: Span | None = None) -> None:
    """Add each stage as a child span with its own times, below `parent` or the current span.

    A stage that names another as its `parent` hangs below it; that one must come before it.
    Nothing happens where the parent span is not recording.
    """
    around = parent or get_current_span()
    if not around.is_recording():
        return
    outermost = context_with(around)
    spans: dict[str | None, Span] = {}
    contexts: dict[str | None, Context] = {}
    for stage in stages:
        parent_name: str | None = getattr(stage, "parent", None)
        context = contexts.get(parent_name)
        if context is None:
            above = spans.get(parent_name)
            context = outermost if above is None else context_with(above)
            contexts[parent_name] = context
        span = spans[stage.name] = tracer.start_span(
            stage.name,
            context=context,
            attributes=getattr(stage, "attributes", None),
            start_time=stage.start_ns,
        )
        span.end(stage.end_ns)


def observe_stages(
    metrics: "Metrics",
    name: str,
    stages: Iterable[TimedStage],
    *,
    stage_label: str,
    **labels: str,
) -> None:
    """Observe each stage's seconds in the histogram `name`, its name under `stage_label`."""
    for stage in stages:
        seconds = (stage.end_ns - stage.start_ns) / _NANOSECONDS
        metrics.observe(name, seconds, **{stage_label: stage.name}, **labels)
