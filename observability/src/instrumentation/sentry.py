"""Unexpected errors to Sentry, where `SENTRY_DSN` is set; the extra `instrumentation[sentry]`.

What a log line of an error says goes out as an event, redacted as the line is. The SDK's own
integrations stay off: they would send headers, local variables and arguments, and patch the
process.
"""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.trace import get_current_span

from instrumentation.log_fields import redacted_fields
from instrumentation.redaction import redact_value
from instrumentation.settings import ServiceSettings

if TYPE_CHECKING:
    from sentry_sdk import Client
    from sentry_sdk._types import Event

_CLOSE_TIMEOUT_SECONDS: Final = 2.0
_TAGS: Final = ("tenant_id", "endpoint", "request_id", "category")
_OURS: Final = ("release", "timestamp")
_MAX_DEPTH: Final = -10  # an event is nested deeper than a log line: up to 16 levels


@dataclass(frozen=True, slots=True)
class SentryExport:
    """The handler that sends errors; it stands at the root logger until `close`."""

    handler: logging.Handler
    _client: "Client"

    def close(self) -> None:
        """Send what waits, for 2 seconds at most."""
        logging.getLogger().removeHandler(self.handler)
        self._client.close(timeout=_CLOSE_TIMEOUT_SECONDS)


def open_sentry(settings: ServiceSettings) -> SentryExport | None:
    """Send errors to Sentry too; None where no DSN is set. Call it after `configure_logging`.

    Raises `ModuleNotFoundError` with a DSN and without the extra.
    """
    if settings.sentry_dsn is None:
        return None
    # An extra: who does not use it does not load it.
    from sentry_sdk import Client  # noqa: PLC0415

    client = Client(
        dsn=settings.sentry_dsn.get_secret_value(),
        release=f"{settings.service_name}@{settings.service_version}",
        environment=settings.environment,
        server_name=settings.service_name,
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        before_send=_redacted,
    )
    handler = _SentryHandler(client)
    logging.getLogger().addHandler(handler)
    return SentryExport(handler, client)


class _SentryHandler(logging.Handler):
    """Hands on records of level ERROR; sending is a thread's, with a bounded queue."""

    def __init__(self, client: "Client") -> None:
        super().__init__(level=logging.ERROR)
        self._client = client

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(("sentry_sdk", "opentelemetry", "urllib3")):
            return
        try:
            event, hint = self._event(record)
            self._client.capture_event(event, hint)
        except Exception:
            self.handleError(record)

    def _event(self, record: logging.LogRecord) -> "tuple[Event, dict[str, Any]]":
        from sentry_sdk.utils import event_from_exception  # noqa: PLC0415

        fields = redacted_fields(record)
        event: dict[str, Any] = {}
        hint: Any = {}
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            made, hint = event_from_exception(error, self._client.options)
            event.update(made)
        span = get_current_span().get_span_context()
        if span.is_valid:
            event["contexts"] = {
                "trace": {"trace_id": fields["trace_id"], "span_id": fields["span_id"]}
            }
        user = fields["user_hash"]
        event |= {
            "level": "fatal" if record.levelno >= logging.CRITICAL else "error",
            "logger": record.name,
            "logentry": {"message": fields["message"]},
            "tags": {name: fields[name] for name in _TAGS if fields[name] is not None},
            **({"user": {"id": user}} if user else {}),
        }
        return cast("Event", event), hint


def _redacted(event: "Event", hint: dict[str, Any]) -> "Event | None":
    del hint
    sent = cast("dict[str, Any]", event)
    # A release has the form of an e-mail address.
    ours = {name: sent[name] for name in _OURS if name in sent}
    return cast("Event", {**redact_value(event, _MAX_DEPTH), **ours})
