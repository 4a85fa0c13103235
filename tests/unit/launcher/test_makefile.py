"""The Makefile tells what it can do, and says it in the words of its targets."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TARGETS = {"help", "setup", "run", "test", "lint", "types", "bench-quality", "bench-serving"}


def make(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make") or pytest.fail("there is no make")
    environment = {"PATH": path} if path else None
    return subprocess.run(
        [program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def test_help_lists_every_target_with_what_it_does() -> None:
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", make("help").stdout, re.MULTILINE))
    assert listed.keys() >= TARGETS
    declared = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert declared is not None
    assert listed.keys() == set(declared[1].split())


def test_make_alone_is_help() -> None:
    assert make().stdout == make("help").stdout


def test_the_data_set_of_the_benchmark_can_be_chosen() -> None:
    recipe = make("--dry-run", "bench-quality", "DATASET=ml-1m").stdout
    assert "-m benchmarks.quality --dataset ml-1m" in recipe


def test_a_machine_without_python_is_told_so_in_one_line(tmp_path: Path) -> None:
    for name in ("sh", "env", "test", "echo", "cut", "awk"):
        (tmp_path / name).symlink_to(shutil.which(name) or pytest.fail(f"no {name}"))
    answer = make("setup", path=str(tmp_path))
    assert answer.returncode != 0
    first, *_ = answer.stderr.splitlines()
    assert first == "No Python 3.11 or newer found: install one, or set PYTHON to it"
