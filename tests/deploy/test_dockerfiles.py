"""What the linter of Dockerfiles (`make lint`) does not ask."""

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
DOCKERFILES: Final = sorted([*ROOT.glob("*/Dockerfile"), *ROOT.glob("packages/*/Dockerfile")])


@pytest.fixture(params=DOCKERFILES, ids=lambda path: path.parent.name)
def lines(request: pytest.FixtureRequest) -> list[str]:
    """The instructions, each on one line."""
    text = request.param.read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_an_image_runs_as_a_user_of_its_own(lines: list[str]) -> None:
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["10001"]


def test_every_base_is_of_one_version(lines: list[str]) -> None:
    for line in lines:
        if line.startswith("FROM "):
            assert re.match(r"FROM \S+:\d+\.\d+\.\d+\S*( AS \w+)?$", line), line


def test_no_secret_is_given_at_the_build(lines: list[str]) -> None:
    given = [line for line in lines if line.startswith(("ARG ", "ENV "))]
    assert not re.search(r"TOKEN|SECRET|PASSWORD|_KEY|DSN", " ".join(given))


def test_commands_get_the_signals(lines: list[str]) -> None:
    commands = [line for line in lines if line.startswith(("CMD ", "ENTRYPOINT "))]
    assert len(commands) == 1
    assert re.match(r'(CMD|ENTRYPOINT) \["python", "-m", "[\w.]+"\]$', commands[0])


@pytest.mark.parametrize("service", ["backend-api", "ml-engine", "data-pipeline"])
def test_an_image_can_export_wherever_the_settings_of_compose_say(service: str) -> None:
    text = (ROOT / service / "Dockerfile").read_text()
    installs = [line for line in text.splitlines() if line.startswith("RUN uv sync")]
    assert len(installs) == 2
    assert all(" --extra exports" in line for line in installs)
    project = tomllib.loads((ROOT / service / "pyproject.toml").read_text())["project"]
    assert project["optional-dependencies"]["exports"] == ["instrumentation[jaeger,sentry]"]
