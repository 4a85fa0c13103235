"""Histograms as prometheus_client has them, observed in a fraction of its time."""

import time
from bisect import bisect_left
from typing import Final, cast

from opentelemetry.trace import SpanContext, TraceFlags
from prometheus_client import Histogram
from prometheus_client.samples import Exemplar, Sample

_SAMPLED: Final = TraceFlags.SAMPLED


class TracedHistogram(Histogram):
    """A histogram whose exemplars are spans: their ids are written at the scrape that shows them.

    Of many exemplars a scrape shows one for each bucket, so nearly none has to be written.
    """

    def observe_within(self, amount: float, span: SpanContext) -> None:
        """Observe a value, with `span` as its exemplar where its trace is kept.

        Else the exemplar would point nowhere.
        """
        bucket = self._buckets[bisect_left(self._upper_bounds, amount)]
        self._sum.inc(amount)
        bucket.inc(1)
        if span.trace_flags & _SAMPLED:
            bucket.set_exemplar((span, amount, time.time()))

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Observe a value."""
        if exemplar is not None:
            super().observe(amount, exemplar)
            return
        self._sum.inc(amount)
        self._buckets[bisect_left(self._upper_bounds, amount)].inc(1)

    def _child_samples(self) -> tuple[Sample, ...]:
        samples = super()._child_samples()
        return tuple([one if one.exemplar is None else _written(one) for one in samples])


def exemplar_of(span: SpanContext) -> dict[str, str] | None:
    """The ids of a span where its trace is kept, else None: it would point nowhere."""
    if not span.trace_flags & _SAMPLED:
        return None
    return {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}


def _written(sample: Sample) -> Sample:
    if isinstance(sample.exemplar, Exemplar):
        return sample
    span, amount, moment = cast("tuple[SpanContext, float, float]", sample.exemplar)
    return sample._replace(exemplar=Exemplar(exemplar_of(span) or {}, amount, moment))
