"""Logs: one JSON line per record on stdout, coloured text in a terminal, no secret in either."""

import json
import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TextIO

import orjson

from instrumentation.log_fields import redacted_fields
from instrumentation.settings import ServiceSettings

# What a line for human eyes shows in its own way, or leaves to the JSON line.
_SHOWN: Final = frozenset(
    {
        "timestamp",
        "level",
        "logger",
        "message",
        "trace_id",
        "span_id",
        "request_id",
        "tenant_id",
        "user_hash",
        "endpoint",
        "latency_ms",
        "category",
        "stack",
        "exception.type",
        "exception.message",
        "exception.stacktrace",
    }
)
_RECORD: Final = logging.getLogRecordFactory()
_SOURCE: Final = getattr(logging, "_srcfile")  # noqa: B009
_COLOURS: Final = {"DEBUG": 90, "INFO": 32, "WARNING": 33, "ERROR": 31, "CRITICAL": 35}
_ROUTED: Final = ("uvicorn", "uvicorn.error", "uvicorn.asgi")
# Their every request or statement is a span already; written out, a statement's parameters would
# name users.
_CHATTY: Final = ("httpx", "httpx2", "httpcore", "urllib3", "aiosqlite", "sqlalchemy")


_NOT_TOLD: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("pathname", "filename", "module", "funcName"), ""),
    **dict.fromkeys(("thread", "threadName", "process", "processName", "exc_text")),
    "lineno": 0,
    "relativeCreated": 0.0,
}


class LineRecord(logging.LogRecord):
    """A record of what a line shows: not of its thread, its process and its place in the code."""

    def __init__(  # noqa: PLR0913, PLR0917 - `logging` fixes the signature
        self,
        name: str,
        level: int,
        pathname: str,
        lineno: int,
        msg: object,
        args: Any,
        exc_info: Any,
        func: str | None = None,
        sinfo: str | None = None,
        **_: Any,
    ) -> None:
        """Take what the line needs; the library's own takes several times as long."""
        del pathname, lineno, func
        # Formats of others may name them.
        vars(self).update(_NOT_TOLD)
        # As the library has it: a mapping alone is for names in the message.
        if args and len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
            args = args[0]
        self.name, self.msg, self.args = name, msg, args
        self.levelno, self.levelname = level, logging.getLevelName(level)
        self.exc_info, self.stack_info = exc_info, sinfo
        self.created = time.time()
        self.msecs = self.created % 1 * 1000


def _serialize(line: dict[str, Any]) -> str:
    # Several times as fast as the standard library, for the costliest part of a line.
    try:
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # Lone surrogates and huge numbers, which JSON can carry and orjson refuses.
        return json.dumps(line, default=str)


class JsonLineFormatter(logging.Formatter):
    """One JSON object per record, redacted field by field so that it stays valid JSON."""

    def __init__(self, settings: ServiceSettings) -> None:
        super().__init__()
        self._service = {
            "service": settings.service_name,
            "environment": settings.environment,
            "version": settings.service_version,
        }

    def format(self, record: logging.LogRecord) -> str:
        """The line: the fields of every line and the record's extras."""
        return _serialize({**redacted_fields(record), **self._service})


class _LineHandler(logging.StreamHandler[TextIO]):
    """Writes each line at once, under the one lock that `handle` holds."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line."""
        try:
            self.stream.write(f"{self.format(record)}\n")
            self.stream.flush()
        except Exception:
            self.handleError(record)


class TextFormatter(logging.Formatter):
    """A line for human eyes: time, level in colour, logger, message, extras, short trace id."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the exception below it."""
        fields = redacted_fields(record)
        extras = " ".join(f"{key}={value}" for key, value in fields.items() if key not in _SHOWN)
        trace = f" trace={fields['trace_id'][:8]}" if fields["trace_id"] else ""
        colour = _COLOURS.get(record.levelname, 0)
        line = (
            f"{fields['timestamp'][11:23]} \x1b[{colour}m{record.levelname:<8}\x1b[0m "
            f"{record.name}: {fields['message']}"
            f"{f' {extras}' if extras else ''}\x1b[90m{trace}\x1b[0m"
        )
        stack = fields.get("exception.stacktrace")
        return f"{line}\n{stack.rstrip()}" if stack else line


@dataclass(frozen=True, slots=True)
class ConfiguredLogging:
    """What `configure_logging` replaced; `restore` puts it back (tests need that)."""

    handler: logging.Handler
    _handlers: tuple[logging.Handler, ...]
    _level: int

    def restore(self) -> None:
        """Give the root logger its former handlers and level."""
        root = logging.getLogger()
        root.handlers[:] = self._handlers
        root.setLevel(self._level)
        _tell_of_process(tells=True)


def configure_logging(settings: ServiceSettings, stream: TextIO | None = None) -> ConfiguredLogging:
    """Send every record of the process, uvicorn's too, as one line to `stream` (stdout).

    uvicorn's access log is silenced: the middleware writes one line per request.
    """
    output = stream or sys.stdout
    handler = _LineHandler(output)
    handler.setFormatter(_formatter(settings, output))
    root = logging.getLogger()
    before = ConfiguredLogging(handler, tuple(root.handlers), root.level)
    root.handlers[:] = [handler]
    # A warning of a library is a log line like any other.
    logging.captureWarnings(capture=True)
    root.setLevel(settings.log_level)
    _tell_of_process(tells=False)
    for name in _ROUTED:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.disabled = True
    return before


def _tell_of_process(*, tells: bool) -> None:
    """Let records hold their thread, process and place in the code, which no line shows, or not."""
    logging.setLogRecordFactory(_RECORD if tells else LineRecord)
    # The way of https://docs.python.org/3/howto/logging.html#optimization
    setattr(logging, "_srcfile", _SOURCE if tells else None)  # noqa: B010


def _formatter(settings: ServiceSettings, stream: TextIO) -> logging.Formatter:
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and stream.isatty())
    return TextFormatter() if as_text else JsonLineFormatter(settings)
