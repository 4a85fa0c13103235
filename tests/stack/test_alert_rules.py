"""The alert rules fire when they should, and only then; each has a runbook."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from instrumentation.catalogue import CATALOGUE

ROOT: Final = Path(__file__).parents[2]
PROMETHEUS: Final = ROOT / "observability" / "prometheus"
RULES: Final = sorted((PROMETHEUS / "rules").glob("*.yml"))
TESTS: Final = sorted((PROMETHEUS / "tests").glob("*.yml"))


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool", path=os.environ.get("STACK_BIN", os.environ.get("PATH")))
    if found is None:
        pytest.skip("promtool is neither in STACK_BIN nor on the PATH")
    return found


def alerts(path: Path) -> list[dict[str, Any]]:
    groups = yaml.safe_load(path.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_rules_are_sound(promtool: str, path: Path) -> None:
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", str(path))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_rules_fire_as_they_should(promtool: str, path: Path) -> None:
    run(promtool, "test", "rules", str(path))


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_every_alert_is_explained_and_tested(path: Path) -> None:
    tested = (PROMETHEUS / "tests" / path.name).read_text()
    for alert in alerts(path):
        annotations = alert["annotations"]
        assert {"summary", "description", "runbook_url"} <= annotations.keys()
        assert (ROOT / annotations["runbook_url"]).is_file()
        assert alert["labels"]["severity"] in {"critical", "warning", "info"}
        assert f"alertname: {alert['alert']}" in tested


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_rules_ask_for_metrics_that_there_are(path: Path) -> None:
    names = {metric.name for metric in CATALOGUE}
    for alert in alerts(path):
        assert any(name in alert["expr"] for name in names), alert["alert"]


def run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
