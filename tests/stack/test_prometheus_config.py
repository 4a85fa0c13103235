"""Prometheus takes its configuration, finds every target and bounds what each may send."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.stack.stack_programs import output_of

PROMETHEUS: Final = Path(__file__).parents[2] / "observability" / "prometheus"
CONFIG: Final[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
JOBS: Final[dict[str, Any]] = {job["job_name"]: job for job in CONFIG["scrape_configs"]}

TARGETS: Final = {
    "backend-api": "backend-api:8000",
    "ml-engine": "ml-engine:8001",
    "data-pipeline": "data-pipeline:8002",
    "postgres-exporter": "postgres-exporter:9187",
    "redis-exporter": "redis-exporter:9121",
    "loki": "loki:3100",
    "jaeger": "jaeger:8888",
    "collector": "collector:8888",
    "span-metrics": "collector:8889",
    "alertmanager": "alertmanager:9093",
    "grafana": "grafana:3000",
    "node-exporter": "node-exporter:9100",
    "cadvisor": "cadvisor:8080",
    "prometheus": "localhost:9090",
}


def targets(job: dict[str, Any]) -> list[str]:
    return [
        *(target for group in job.get("static_configs", []) for target in group["targets"]),
        *(f"{name}:{sd['port']}" for sd in job.get("dns_sd_configs", []) for name in sd["names"]),
    ]


def test_the_configuration_and_its_rules_are_sound() -> None:
    output_of(
        "promtool",
        "check",
        "config",
        "--lint=all",
        "--lint-fatal",
        str(PROMETHEUS / "prometheus.yml"),
    )


def test_every_part_is_scraped_and_nothing_else() -> None:
    assert {name: targets(job) for name, job in JOBS.items()} == {
        name: [target] for name, target in TARGETS.items()
    }


@pytest.mark.parametrize("service", ["backend-api", "ml-engine", "data-pipeline"])
def test_every_replica_of_a_service_is_found(service: str) -> None:
    (discovery,) = JOBS[service]["dns_sd_configs"]
    assert discovery["type"] == "A"


@pytest.mark.parametrize("name", TARGETS)
def test_no_job_sends_more_than_its_bound(name: str) -> None:
    assert JOBS[name]["sample_limit"] > 0
    limits = {**CONFIG["global"], **JOBS[name]}
    assert limits["label_limit"] > 0
    assert limits["label_name_length_limit"] > 0
    assert limits["label_value_length_limit"] > 0
    assert limits["body_size_limit"].endswith("MB")


def test_the_pace_and_the_labels_beyond_the_machine() -> None:
    assert CONFIG["global"]["scrape_interval"] == "15s"
    assert CONFIG["global"]["evaluation_interval"] == "15s"
    assert CONFIG["global"]["external_labels"] == {
        "monitor": "recommender",
        "environment": "${ENVIRONMENT}",
    }


def test_exemplars_are_asked_for_and_kept() -> None:
    assert CONFIG["global"]["scrape_protocols"][0] == "OpenMetricsText1.0.0"
    assert CONFIG["storage"]["exemplars"]["max_exemplars"] > 0
