"""What the logs say of a service that ended."""

import json
from pathlib import Path

import pytest

from launcher.service_logs import SUPERVISOR, ServiceLogs

TRACEBACK = """Traceback (most recent call last):
  File "main.py", line 1, in <module>
    open("x")
obstore.exceptions.GenericError: no such folder

Debug source:
Generic {
}
"""


@pytest.fixture
def logs(tmp_path: Path) -> ServiceLogs:
    logs = ServiceLogs(tmp_path / "logs")
    logs.rotate()
    return logs


def line(level: str, message: str, **more: str) -> str:
    return json.dumps({"level": level, "message": message, **more}) + "\n"


def write(logs: ServiceLogs, service: str, *lines: str) -> None:
    logs.path(service).write_text("".join(lines))


def test_each_start_begins_new_files_and_keeps_the_last_ones(logs: ServiceLogs) -> None:
    write(logs, "ml-engine", "first\n")
    logs.rotate()
    write(logs, "ml-engine", "second\n")
    logs.rotate()
    assert logs.path("ml-engine").read_text() == ""
    assert (logs.folder / "ml-engine.log.1").read_text() == "second\n"
    assert not (logs.folder / "ml-engine.log.1.1").exists()


def test_the_last_error_is_the_last_record_of_that_level(logs: ServiceLogs) -> None:
    records = [line("ERROR", "first"), line("ERROR", "second"), line("INFO", "bye")]
    write(logs, "ml-engine", *records)
    assert logs.last_error("ml-engine") == "second"


def test_the_cause_of_a_failed_start_goes_before_the_notice_that_it_failed(
    logs: ServiceLogs,
) -> None:
    notice = line("ERROR", "Application startup failed. Exiting.")
    write(logs, "ml-engine", line("ERROR", TRACEBACK), notice)
    assert logs.last_error("ml-engine") == "obstore.exceptions.GenericError: no such folder"


def test_an_exception_says_more_than_its_message(logs: ServiceLogs) -> None:
    write(
        logs, "ml-engine", line("ERROR", "training failed", **{"exception.stacktrace": TRACEBACK})
    )
    assert logs.last_error("ml-engine") == "obstore.exceptions.GenericError: no such folder"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TRACEBACK, "obstore.exceptions.GenericError: no such folder"),
        ("ml-engine cannot start: PORT=x is not valid\n", "ml-engine cannot start: PORT=x is not"),
    ],
)
def test_what_python_wrote_last_is_the_error(logs: ServiceLogs, text: str, expected: str) -> None:
    write(logs, "ml-engine", line("ERROR", "earlier"), text)
    assert (logs.last_error("ml-engine") or "").startswith(expected)


def test_plain_text_amid_the_records_is_no_error(logs: ServiceLogs) -> None:
    write(logs, "ml-engine", "a warning of a library\n", line("INFO", "bye"))
    assert logs.last_error("ml-engine") is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [(3, "data-pipeline ended by itself with status 3: why"), (-9, "was ended by SIGKILL: why")],
)
def test_the_service_that_ended_first_is_named(logs: ServiceLogs, code: int, expected: str) -> None:
    write(logs, "data-pipeline", line("ERROR", "why"))
    stopped = f"data-pipeline.1 stopped (rc={code})\nsending SIGTERM\nml-engine.1 stopped (rc=0)\n"
    write(logs, SUPERVISOR, "ml-engine.1 started (pid=7)\n", stopped)
    assert expected in logs.first_ended()
    assert str(logs.path("data-pipeline")) in logs.first_ended()


def test_where_nobody_says_who_ended_the_supervisors_log_is_named(logs: ServiceLogs) -> None:
    assert str(logs.path(SUPERVISOR)) in logs.first_ended()
