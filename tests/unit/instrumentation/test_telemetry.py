import logging

import pytest
from starlette.applications import Starlette
from tests.unit.instrumentation.asgi import request
from tests.unit.instrumentation.conftest import Settings

from instrumentation.telemetry import start_telemetry


@pytest.fixture(autouse=True)
def root_logger_restored() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.anyio
async def test_one_call_starts_logs_metrics_and_traces(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = start_telemetry(Settings(service_version="1.2.3"))
    app = Starlette(routes=telemetry.routes([]))
    logging.getLogger("x").info("started")
    assert '"message":"started"' in capsys.readouterr().out
    answer = await request(app, "/metrics", headers={"accept-encoding": "gzip"})
    assert answer.status == 200
    assert answer.headers["content-encoding"] == "gzip"
    plain = await request(app, "/metrics")
    assert 'build_info{environment="development",service="backend-api",version="1.2.3"}' in (
        plain.text
    )
    assert "process_cpu_seconds_total" in plain.text
    telemetry.close()


def test_a_renamed_service_names_its_part_of_the_catalogue() -> None:
    settings = Settings(service_name="canary")
    with pytest.raises(ValueError, match="unknown service 'canary'"):
        start_telemetry(settings)
    assert start_telemetry(settings, service="ml-engine").metrics.service == "ml-engine"
