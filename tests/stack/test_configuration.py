"""The programs take their configuration, and the collector's runs in both distributions."""

import re
import subprocess
from typing import Final

import pytest
from tests.stack.stack_programs import program

from stack.programs.configuration import CONFIGURATION, read

COLLECTOR: Final = CONFIGURATION / "collector" / "collector.yml"
HEALTH: Final = CONFIGURATION / "collector" / "health.yml"
# What Jaeger's program and the otelcol-contrib image both have.
SHARED: Final = {
    "receivers": {"otlp"},
    "processors": {"memory_limiter", "attributes", "filter", "tail_sampling"},
    "connectors": {"forward", "spanmetrics"},
    "exporters": {"otlp", "otlphttp", "prometheus"},
}


def test_loki_takes_its_configuration() -> None:
    run(program("loki"), f"-config.file={CONFIGURATION / 'loki' / 'loki.yml'}", "-verify-config")


@pytest.mark.parametrize(
    "files",
    [[CONFIGURATION / "jaeger" / "jaeger.yml"], [COLLECTOR], [COLLECTOR, HEALTH]],
    ids=["jaeger", "collector", "collector with its health check"],
)
def test_jaegers_program_takes_the_configuration(files: list[str]) -> None:
    options = [part for file in files for part in ("--config", str(file))]
    run(program("jaeger"), "validate", *options)


def test_the_collector_has_only_what_both_distributions_have() -> None:
    config = read(COLLECTOR)
    for section, known in SHARED.items():
        assert {name.partition("/")[0] for name in config[section]} <= known
    assert "extensions" not in config


def test_one_pattern_of_secrets_stands_in_every_condition() -> None:
    rules = read(COLLECTOR)["processors"]["filter/secrets"]
    conditions = [
        *rules["traces"]["span"],
        *rules["traces"]["spanevent"],
        *rules["logs"]["log_record"],
    ]
    assert len(conditions) == 3
    patterns = {tuple(re.findall(r'"(\(\?i\).*?)"\)', condition)) for condition in conditions}
    assert [len(pair) for pair in patterns] == [2]
    assert rules["error_mode"] == "propagate"


def run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
