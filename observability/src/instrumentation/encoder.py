"""prometheus_client's formats in half of its time or less: what stands before a value is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar, Sample
from prometheus_client.utils import floatToGoString

Encode = Callable[[Collector], bytes]

# Go begins to write exponents here; below it writes as Python does.
_EXPONENTS: Final = 1e6
_ZERO: Final = " 0.0"


@dataclass(frozen=True, slots=True)
class _Family:
    """A family as last written: its head, its series, and the text of each up to the value."""

    head: str
    series: Sequence[tuple[str, ...]]
    texts: Sequence[str]


class Encoder:
    """Writes what `encode` of prometheus_client would, byte for byte.

    `encode` itself writes the head of each family, and each series when it is first seen; the
    text is kept until the series is gone. Takes registries without timestamps, native histograms
    and `_created` samples, such as those of `Metrics`. `exemplars` says whether the format has
    them.
    """

    def __init__(self, encode: Encode, *, exemplars: bool) -> None:
        self._encode = encode
        self._exemplars = exemplars
        self._end = encode(CollectorRegistry()).decode()
        self._families: dict[str, _Family] = {}

    def __call__(self, registry: Collector) -> bytes:
        """All metrics of the registry as they are now."""
        parts: list[str] = []
        for family in registry.collect():
            written = self._written(family)
            parts.append(written.head)
            for text, sample in zip(written.texts, family.samples, strict=True):
                value = sample.value
                number = repr(float(value)) if abs(value) < _EXPONENTS else floatToGoString(value)
                if self._exemplars and sample.exemplar:
                    number += _exemplar(sample.exemplar)
                parts.append(f"{text} {number}\n")
        parts.append(self._end)
        return "".join(parts).encode()

    def _written(self, family: Metric) -> _Family:
        series = [(sample.name, *sample.labels.values()) for sample in family.samples]
        last = self._families.get(family.name)
        if last is not None and last.series == series:
            return last
        head = last.head if last else self._text(family, [])
        texts = dict(zip(last.series, last.texts, strict=True)) if last else {}
        new = {
            one: sample
            for one, sample in zip(series, family.samples, strict=True)
            if one not in texts
        }
        # A line break inside a label is escaped.
        lines = self._text(family, list(new.values())).removeprefix(head).split("\n")[:-1]
        texts |= zip(new, (line.removesuffix(_ZERO) for line in lines), strict=True)
        written = _Family(head, series, [texts[one] for one in series])
        self._families[family.name] = written
        return written

    def _text(self, family: Metric, samples: list[Sample]) -> str:
        """These samples of a family, all with the value 0."""
        zeros = Metric(family.name, family.documentation, family.type, family.unit)
        zeros.samples = [Sample(sample.name, sample.labels, 0.0) for sample in samples]
        return self._encode(_Only(zeros)).decode().removesuffix(self._end)


class _Only(Collector):
    """One family, as a registry would show it."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> list[Metric]:
        """The family."""
        return [self._family]


def _exemplar(exemplar: Exemplar) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in sorted(exemplar.labels.items()))
    return f" # {{{labels}}} {floatToGoString(exemplar.value)} {exemplar.timestamp}"
