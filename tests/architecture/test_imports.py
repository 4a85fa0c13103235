"""The import rules of pyproject.toml hold, and serving starts without SciPy."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_import_contracts_hold() -> None:
    result = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert result.returncode == 0, result.stdout + result.stderr


def test_serving_loads_no_scipy() -> None:
    code = (
        "import sys, ml_engine.bootstrap;"
        "print([m for m in ('scipy', 'pandas') if m in sys.modules])"
    )
    result = run(sys.executable, "-c", code)
    assert result.stdout.strip() == "[]", result.stdout + result.stderr
