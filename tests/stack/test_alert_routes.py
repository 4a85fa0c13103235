"""Alertmanager takes its configuration and knows for every alert whom to tell."""

from pathlib import Path
from typing import Final

import pytest
from tests.stack.stack_programs import output_of

CONFIG: Final = str(
    Path(__file__).parents[2] / "observability" / "alertmanager" / "alertmanager.yml"
)

ROUTES: Final = {
    "critical": ("critical-alerts", ["alertname=HighErrorRate", "severity=critical"]),
    "page-of-an-slo": ("critical-alerts", ["severity=critical", "slo=availability"]),
    "warning": ("engineering-alerts", ["alertname=DiskSpaceLow", "severity=warning"]),
    "ticket-of-an-slo": ("engineering-alerts", ["severity=warning", "slo=availability"]),
    "warning-that-waits": ("engineering-alerts", ["severity=warning", "waits=true"]),
    "info": ("nowhere", ["alertname=PrometheusTargetDown", "severity=info"]),
    "dead-mans-switch": ("dead-mans-switch", ["alertname=Watchdog", "severity=info"]),
    "unknown-severity": ("engineering-alerts", ["alertname=Odd", "severity=urgent"]),
    "no-severity": ("engineering-alerts", ["alertname=Odd"]),
}


def test_the_configuration_is_sound() -> None:
    output_of("amtool", "check-config", CONFIG)


@pytest.mark.parametrize(("receiver", "labels"), ROUTES.values(), ids=ROUTES)
def test_an_alert_goes_to_its_receiver(receiver: str, labels: list[str]) -> None:
    found = output_of("amtool", "config", "routes", "test", f"--config.file={CONFIG}", *labels)
    assert found.strip() == receiver
