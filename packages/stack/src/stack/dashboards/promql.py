"""Builds PromQL: what has a tenant_id is always limited to the tenants that were chosen.

Counters are only ever read through `rate` and `increase`, histograms through `quantile` and
`average`. `matchers` are label matchers such as `'job="ml-engine"'`, `by` names the labels that
stay, as in `"job, instance"`.
"""

from typing import Final

from instrumentation.catalogue import CATALOGUE

SERVICES: Final = "backend-api|ml-engine|data-pipeline"
OF_SERVICES: Final = f'job=~"{SERVICES}"'
OF_CHOSEN_SERVICES: Final = 'job=~"$service"'
OF_CHOSEN_TENANTS: Final = 'tenant_id=~"$tenant"'
_PER_TENANT: Final = frozenset(metric.name for metric in CATALOGUE if "tenant_id" in metric.labels)
_HISTOGRAM_PARTS: Final = ("_bucket", "_count", "_sum")


def family(series: str) -> str:
    """The metric that a series belongs to: a histogram's name without _bucket, _count or _sum."""
    names = {metric.name for metric in CATALOGUE if metric.kind == "histogram"}
    for part in _HISTOGRAM_PARTS:
        if series.removesuffix(part) in names:
            return series.removesuffix(part)
    return series


def selector(metric: str, *matchers: str) -> str:
    """The series of a metric, of the chosen tenants where it has any."""
    if family(metric) in _PER_TENANT:
        matchers = (*matchers, OF_CHOSEN_TENANTS)
    return f"{metric}{{{', '.join(matchers)}}}" if matchers else metric


def aggregated(function: str, metric: str, *matchers: str, by: str = "") -> str:
    """A gauge over its series: `function` is sum, max, min, avg or count."""
    return f"{function}{_by(by)} ({selector(metric, *matchers)})"


def rate(metric: str, *matchers: str, by: str = "") -> str:
    """How much a counter grows in a second."""
    return f"sum{_by(by)} (rate({selector(metric, *matchers)}[$__rate_interval]))"


def increase(metric: str, window: str, *matchers: str, by: str = "") -> str:
    """How much a counter has grown in `window`, as in `"1h"` or `"1d offset 1d"`."""
    length, _, offset = window.partition(" ")
    shift = f" {offset}" if offset else ""
    return f"sum{_by(by)} (increase({selector(metric, *matchers)}[{length}]{shift}))"


def quantile(level: float, metric: str, *matchers: str, by: str = "") -> str:
    """A quantile of a histogram, interpolated in its buckets."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({level}, {rate(f'{metric}_bucket', *matchers, by=labels)})"


def quantile_within(level: float, metric: str, window: str, *matchers: str, by: str = "") -> str:
    """A quantile of all that a histogram took in during `window`, for what is rare."""
    labels = f"le, {by}" if by else "le"
    grown = increase(f"{metric}_bucket", window, *matchers, by=labels)
    return f"histogram_quantile({level}, {grown})"


def average(metric: str, *matchers: str, by: str = "") -> str:
    """The mean of what a histogram took in; nothing where it took in nothing."""
    total, count = (rate(f"{metric}_{part}", *matchers, by=by) for part in ("sum", "count"))
    return f"{total} / ({count} > 0)"


def share(part: str, whole: str) -> str:
    """A part of a whole, from 0 to 1; 0 where the part has no series, nothing without a whole.

    Both are aggregated by the same labels.
    """
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def hits(counters: str, *matchers: str, by: str = "") -> str:
    """The share of reads that found a value: of `<counters>_hits_total` and `_misses_total`."""
    found, missed = (
        rate(f"{counters}_{result}_total", *matchers, by=by) for result in ("hits", "misses")
    )
    return share(found, f"({found} + {missed})")


def top(expression: str) -> str:
    """The ten largest."""
    return f"topk(10, {expression})"


def or_zero(expression: str) -> str:
    """The expression, 0 where it has no series; for one that has no labels."""
    return f"{expression} or vector(0)"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""
