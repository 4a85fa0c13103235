"""The formats of /metrics are those of prometheus_client, to the byte."""

import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import exposition as plain
from prometheus_client.openmetrics import exposition as openmetrics
from tests.unit.instrumentation.asgi import request

from instrumentation.catalogue import ALL, metrics_of
from instrumentation.encoder import Encoder
from instrumentation.exposition import metrics_endpoint
from instrumentation.metrics import Metrics

FORMATS = [
    pytest.param(plain.generate_latest, False, id="text"),
    pytest.param(openmetrics.generate_latest, True, id="openmetrics"),
]
Encode = Callable[[CollectorRegistry], bytes]
# Surrogates are no text that could be encoded.
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
NUMBERS = st.floats() | st.sampled_from([0.0, -0.0, 1e6, 999_999.5, -1e6, 1e-9, 12_345_678.0])
AMOUNTS = st.floats(min_value=0) | st.sampled_from([1e6, 1e16])
EXEMPLARS = st.none() | st.just({"trace_id": "0af7", "span_id": "b7ad"})
CHANGES = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(["a", 'b"\\\n']) | WORDS, AMOUNTS, EXEMPLARS),
    st.tuples(st.just("set"), st.sampled_from(["a", "a\u2028b"]) | WORDS, NUMBERS, EXEMPLARS),
    st.tuples(st.just("observe"), WORDS, AMOUNTS, EXEMPLARS),
    st.tuples(st.just("remove"), st.sampled_from(["a"]), st.just(0.0), st.none()),
)
HELPS = st.text(string.ascii_letters + '\\\n"', min_size=1, max_size=12)


class Families:
    """One family of each kind, changed as a service would."""

    def __init__(self, words: str) -> None:
        Metrics("backend-api")  # leaves out when series were made
        self.registry = CollectorRegistry()
        labels = ["zone", "kind"]
        self.counter = Counter("things_total", words, labels, registry=self.registry)
        self.gauge = Gauge("level_bytes", words, labels, unit="bytes", registry=self.registry)
        bounds = (0.001, 5.0, 2e6)
        self.histogram = Histogram("wait", words, labels, buckets=bounds, registry=self.registry)
        Gauge("alone", words, registry=self.registry).set(1)

    def change(self, kind: str, word: str, amount: float, exemplar: dict[str, str] | None) -> None:
        if kind == "add":
            self.counter.labels(word, "x").inc(amount, exemplar)
        elif kind == "set":
            self.gauge.labels("x", word).set(amount)
        elif kind == "observe":
            self.histogram.labels(word, word).observe(amount, exemplar)
        else:
            self.counter.remove(word, "x")
            self.gauge.remove("x", word)


@pytest.mark.parametrize(("theirs", "exemplars"), FORMATS)
@given(words=HELPS, scrapes=st.lists(st.lists(CHANGES, max_size=6), max_size=5))
def test_each_scrape_is_what_prometheus_client_writes(
    theirs: Encode, exemplars: bool, words: str, scrapes: list[list[tuple[str, str, float, None]]]
) -> None:
    families = Families(words)
    encode = Encoder(theirs, exemplars=exemplars)
    for changes in scrapes:
        for change in changes:
            families.change(*change)
        assert encode(families.registry) == theirs(families.registry)


@pytest.mark.parametrize(("theirs", "exemplars"), FORMATS)
@pytest.mark.parametrize("service", sorted(ALL))
def test_what_a_service_shows_is_what_prometheus_client_writes(
    service: str, theirs: Encode, exemplars: bool
) -> None:
    metrics = Metrics(service)
    use = {"counter": metrics.inc, "gauge": metrics.set, "histogram": metrics.observe}
    for metric in metrics_of(service):
        use[metric.kind](metric.name, 1.0, **dict.fromkeys(metric.labels, "x"))
    encode = Encoder(theirs, exemplars=exemplars)

    def lines(text: bytes) -> list[bytes]:
        # The process goes on between two scrapes.
        own = (b"process_", b"python_gc_")
        return [line for line in text.split(b"\n") if not line.startswith(own)]

    for _ in range(2):
        assert lines(encode(metrics.registry)) == lines(theirs(metrics.registry))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=1.0.0;escaping=dots", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.2",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
    ],
    ids=["anything", "text", "what-prometheus-asks-for"],
)
async def test_the_accept_header_chooses_the_format(accept: str, content_type: str) -> None:
    app = metrics_endpoint(Metrics("backend-api"))
    answer = await request(app, "/metrics", headers={"accept": accept})
    assert answer.headers["content-type"] == content_type
    assert answer.text.endswith("# EOF\n") == content_type.startswith("application/")
