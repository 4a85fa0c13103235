"""What a scrape of each service with 200 tenants costs."""

import gzip
import itertools
import sys
import time

import pytest
from prometheus_client import generate_latest
from tests.unit.instrumentation.asgi import request

from instrumentation.catalogue import ALL, Metric, metrics_of
from instrumentation.exposition import metrics_endpoint
from instrumentation.metrics import Metrics

TENANTS = 200
ENDPOINTS = [f"/v1/things/{n}" for n in range(10)]
SCRAPES = 8
OPENMETRICS = "application/openmetrics-text;version=1.0.0"


def label_values(label: str) -> list[str]:
    """As many values as a service with 200 tenants has of a label, tenants and versions aside."""
    few = {
        "endpoint": ENDPOINTS,
        "method": ["GET", "POST"],
        "status": ["200"],
        "stage": ["extract", "transform", "load"],
        "operation": ["embedding_lookup", "ann_search", "reranking"],
        "page": ENDPOINTS,
    }
    return few.get(label, ["one"])


def fill(metrics: Metrics, metric: Metric) -> None:
    others = [label for label in metric.labels if label not in ("tenant_id", "model_version")]
    owned = "tenant_id" in metric.labels or "model_version" in metric.labels
    for tenant in range(TENANTS if owned else 1):
        names = {"tenant_id": f"tenant-{tenant}", "model_version": f"20261122t120000-{tenant:08x}"}
        own = {label: names[label] for label in metric.labels if label in names}
        # Of its endpoints a tenant uses a few.
        for values in itertools.islice(itertools.product(*map(label_values, others)), 6):
            labels = {**own, **dict(zip(others, values, strict=True))}
            use = {"counter": metrics.inc, "gauge": metrics.set, "histogram": metrics.observe}
            use[metric.kind](metric.name, 1.0, **labels)


@pytest.mark.anyio
@pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS], ids=["text", "openmetrics"])
@pytest.mark.parametrize("service", sorted(ALL))
async def test_a_scrape_with_200_tenants_takes_less_than_100_milliseconds(
    service: str, accept: str
) -> None:
    metrics = Metrics(service)
    for metric in metrics_of(service):
        fill(metrics, metric)
    app = metrics_endpoint(metrics)
    headers = {"accept": accept, "accept-encoding": "gzip"}
    text = gzip.decompress((await request(app, "/metrics", headers=headers)).body)
    seconds: list[float] = []
    plain: list[float] = []
    for _ in range(SCRAPES):
        # Of this process, its threads among them, so that other work on the machine counts little.
        started = time.process_time()
        await request(app, "/metrics", headers=headers)
        seconds.append(time.process_time() - started)
        started = time.process_time()
        gzip.compress(generate_latest(metrics.registry))
        plain.append(time.process_time() - started)
    samples = sum(not line.startswith(b"#") for line in text.splitlines())
    said = (
        f"{service}: {samples} samples, {min(seconds) * 1000:.1f} ms of CPU, "
        f"by the library's own writer {min(plain) * 1000:.1f} ms"
    )
    sys.stdout.write(f"{said}\n")
    assert samples > 5_000
    # On a slow day the writer of the library tells how slow it is.
    assert min(seconds) < max(0.1, 0.6 * min(plain)), said
