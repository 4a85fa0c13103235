"""The process: it starts, answers, and stops cleanly; a bad setting stops it at once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
from tests.real_processes import free_port

from backend_api.settings import Settings

COMMAND = (sys.executable, "-m", "backend_api.main")


def environment(**given: str) -> dict[str, str]:
    unset = {name.upper() for name in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name not in unset} | given


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    port = free_port()
    given = environment(
        DATA_DIR=str(tmp_path), SERVICE_TOKEN="0123456789abcdef", PORT=str(port), LOG_FORMAT="json"
    )
    with subprocess.Popen(COMMAND, env=given, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        started = any("Uvicorn running" in line for line in process.stdout)
        assert started
        url = f"http://127.0.0.1:{port}"
        assert httpx2.get(f"{url}/health/ready").status_code == 200
        refused = httpx2.post(f"{url}/api/v1/recommendations", json={"user_id": "42"})
        assert refused.json()["code"] == "missing_api_key"
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode in (0, -signal.SIGINT)
    assert "Application shutdown complete" in rest
    assert "Traceback" not in rest


def test_a_bad_setting_is_one_line_and_status_2(tmp_path: Path) -> None:
    given = environment(DATA_DIR=str(tmp_path), PORT="eighty", SERVICE_TOKEN="0123456789abcdef")
    ended = subprocess.run(COMMAND, env=given, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "backend-api cannot start: PORT='eighty' is not valid: expected a port from 1 to 65535"
    ]


def test_a_database_that_cannot_be_opened_is_one_line_and_status_1(tmp_path: Path) -> None:
    (tmp_path / "backend-api").write_text("a file where a folder should be")
    given = environment(
        DATA_DIR=str(tmp_path), SERVICE_TOKEN="0123456789abcdef", PORT=str(free_port())
    )
    ended = subprocess.run(COMMAND, env=given, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("backend-api cannot start: the database is not available: ")
    assert "Traceback" not in ended.stdout
