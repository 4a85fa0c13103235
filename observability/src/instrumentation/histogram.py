"""Counters and histograms as prometheus_client has them, written in a fraction of its time."""

import time
from bisect import bisect_left
from threading import Lock
from typing import Final

from opentelemetry.trace import SpanContext, TraceFlags
from prometheus_client import Counter, Histogram
from prometheus_client.samples import Exemplar, Sample
from prometheus_client.utils import floatToGoString

_SAMPLED: Final = int(TraceFlags.SAMPLED)
_Kept = tuple[SpanContext, float, float] | Exemplar


class PlainCounter(Counter):
    """A counter that does not ask at each step whether it has the labels that it was made with."""

    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:
        """Add to it. Raises ValueError below zero."""
        if amount < 0 or exemplar is not None:
            super().inc(amount, exemplar)
        else:
            self._value.inc(amount)


class TracedHistogram(Histogram):
    """A histogram whose exemplars are spans: their ids are written at the scrape that shows them.

    Of many exemplars a scrape shows one for each bucket, so nearly none has to be written. One lock
    holds a value's parts together, where the library has one for each.
    """

    def _metric_init(self) -> None:
        self._changing = Lock()
        self._total = 0.0
        self._counts = [0] * len(self._upper_bounds)
        self._kept: list[_Kept | None] = [None] * len(self._upper_bounds)

    def observe_within(self, amount: float, span: SpanContext) -> None:
        """Observe a value, with `span` as its exemplar where its trace is kept.

        Else the exemplar would point nowhere.
        """
        bucket = bisect_left(self._upper_bounds, amount)
        # A span's ids are a tuple: to ask for its flags by name takes longer than to read them.
        kept = (span, amount, time.time()) if span[3] & _SAMPLED else None
        with self._changing:
            self._total += amount
            self._counts[bucket] += 1
            if kept is not None:
                self._kept[bucket] = kept

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Observe a value."""
        bucket = bisect_left(self._upper_bounds, amount)
        with self._changing:
            self._total += amount
            self._counts[bucket] += 1
            if exemplar is not None:
                self._kept[bucket] = Exemplar(exemplar, amount, time.time())

    def _child_samples(self) -> tuple[Sample, ...]:
        with self._changing:
            total, counts, kept = self._total, self._counts.copy(), self._kept.copy()
        samples: list[Sample] = []
        number = 0
        for bound, count, exemplar in zip(self._upper_bounds, counts, kept, strict=True):
            number += count
            labels = {"le": floatToGoString(bound)}
            samples.append(Sample("_bucket", labels, float(number), None, _written(exemplar)))
        samples.append(Sample("_count", {}, float(number), None, None))
        if self._upper_bounds[0] >= 0:
            samples.append(Sample("_sum", {}, total, None, None))
        return tuple(samples)


def exemplar_of(span: SpanContext) -> dict[str, str] | None:
    """The ids of a span where its trace is kept, else None: it would point nowhere."""
    if not span.trace_flags & _SAMPLED:
        return None
    return {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}


def _written(kept: _Kept | None) -> Exemplar | None:
    if kept is None or isinstance(kept, Exemplar):
        return kept
    span, amount, moment = kept
    return Exemplar(exemplar_of(span) or {}, amount, moment)
