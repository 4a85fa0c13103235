"""The log files of the services: one each, and the one before the last start."""

import json
import os
import re
import signal
from pathlib import Path
from typing import Any, Final, cast

SERVICES: Final = ("backend-api", "ml-engine", "data-pipeline")
SUPERVISOR: Final = "honcho"

_TAIL_BYTES: Final = 65_536
_SHOWN: Final = 300
_STOPPED: Final = re.compile(
    r"^(?P<service>[\w-]+)\.\d+ stopped \(rc=(?P<code>-?\d+)\)", re.MULTILINE
)
_TRACEBACK: Final = "Traceback (most recent call last):"
_NO_CAUSE: Final = "Application startup failed. Exiting."


class ServiceLogs:
    """`<service>.log` of each service in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def path(self, service: str) -> Path:
        """The log file of a service."""
        return self.folder / f"{service}.log"

    def rotate(self) -> None:
        """Begin new files, and keep the last ones as `<service>.log.1`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for service in (*SERVICES, SUPERVISOR):
            path = self.path(service)
            if path.exists():
                path.replace(path.with_name(f"{path.name}.1"))
            path.touch()

    def first_ended(self) -> str:
        """One line: which service ended first, how, and its last error."""
        match = _STOPPED.search(self._tail(SUPERVISOR))
        if match is None:
            return f"the services ended by themselves: see {self.path(SUPERVISOR)}"
        service = match["service"]
        error = self.last_error(service)
        why = f": {error}" if error else ""
        return f"{service} {_ending(int(match['code']))}{why}; its log is {self.path(service)}"

    def last_error(self, service: str) -> str | None:
        """The message of the last error in the log of a service; None where there is none."""
        lines = self._tail(service).splitlines()
        records = [_record(line) for line in lines]
        # What follows the records is no JSON: Python itself or a main function wrote it.
        count = next((n for n, record in enumerate(reversed(records)) if record), len(records))
        if count:
            return _headline("\n".join(lines[-count:]))[:_SHOWN]
        errors = filter(None, (_error_in(record) for record in reversed(records) if record))
        return next((error[:_SHOWN] for error in errors), None)

    def _tail(self, service: str) -> str:
        with self.path(service).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            return file.read().decode(errors="replace")


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended by itself with status {code}"


def _record(line: str) -> dict[str, Any] | None:
    try:
        record: Any = json.loads(line)
    except ValueError:
        return None
    return cast("dict[str, Any]", record) if isinstance(record, dict) else None


def _error_in(record: dict[str, Any]) -> str | None:
    if record.get("level") not in ("ERROR", "CRITICAL") or record.get("message") == _NO_CAUSE:
        return None
    return _headline(str(record.get("exception.stacktrace") or record.get("message")))


def _headline(text: str) -> str:
    """Of a traceback the line that names the exception, of other text the last line."""
    _, traceback, frames = text.rpartition(_TRACEBACK)
    lines = [line for line in frames.splitlines() if line.strip()]
    if traceback:
        lines = [line for line in lines if not line[0].isspace()][:1]
    return lines[-1].strip() if lines else ""
