"""docs/tutorial.md does what it says: its commands are run, their answers are those it shows."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.launched import ROOT
from tests.system.processes import running_system

TUTORIAL = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANYTHING = "..."

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not shutil.which("jq"), reason="the tutorial's commands need jq"),
]


def answers_in(output: str) -> list[Any]:
    decoder, found, rest = json.JSONDecoder(), [], output.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        found.append(value)
        rest = rest[end:].lstrip()
    return found


def fits(shown: Any, answered: Any) -> bool:
    if shown == ANYTHING:
        return True
    if isinstance(shown, dict) and isinstance(answered, dict):
        return shown.keys() == answered.keys() and all(fits(shown[k], answered[k]) for k in shown)
    return bool(shown == answered)


def test_the_tutorial_works_as_it_is_written(tmp_path: Path) -> None:
    blocks = BLOCK.findall(TUTORIAL.read_text())
    script = "\n".join(code for kind, code in blocks if kind == "sh")
    shown = [json.loads(code) for kind, code in blocks if kind == "json"]
    assert shown, "the tutorial shows no answers"
    with running_system(tmp_path) as system:
        script = script.replace("http://127.0.0.1:8000", system.url("backend-api"))
        script = script.replace("/tmp/", f"{tmp_path}/")
        assert ".venv/bin/recsys" in script
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT,
            env={**os.environ, "DATA_DIR": str(tmp_path / "data")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{system.log('backend-api')}"
    answered = answers_in(done.stdout)
    assert len(answered) == len(shown), done.stdout
    for wanted, got in zip(shown, answered, strict=True):
        assert fits(wanted, got), f"the tutorial shows {wanted}, the answer is {got}"
