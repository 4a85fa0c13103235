"""No secret, address or user id leaves the process, whichever input it came by."""

from collections.abc import Generator
from pathlib import Path

import httpx2
import pytest
from tests.otlp_collector import Collector
from tests.system.canaries import SEEN, TENANT, send_through_every_input
from tests.system.processes import System, running_system

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def system(tmp_path: Path, collector: Collector) -> Generator[System]:
    settings = {"OTLP_ENDPOINT": collector.url, "LOG_LEVEL": "DEBUG", "TRACE_SAMPLE_RATE": "1"}
    with running_system(tmp_path, **settings) as system:
        yield system


def test_no_canary_reaches_a_log_a_span_or_a_metric(system: System, collector: Collector) -> None:
    last = send_through_every_input(system)
    collector.span("GET /api/v1/tenant", last)
    spans = "".join(str(request) for request in collector.requests)
    metrics = "".join(httpx2.get(f"{system.url(s)}/metrics").text for s in system.ports)
    assert TENANT in metrics
    for service in system.ports:
        log = system.log(service)
        assert f'"tenant_id":"{TENANT}"' in log
        assert [line for line in log.splitlines() if any(part in line for part in SEEN)] == []
    for part in SEEN:
        assert part not in spans
        assert part not in metrics
