"""Settings every service reads from the environment, checked once at the start."""

import re
import sys
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args

from pydantic import Field, HttpUrl, SecretBytes, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

from instrumentation.redaction import redact

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LogFormat = Literal["json", "text", "auto"]
TracesExporter = Literal["otlp", "jaeger", "none"]
_WORD: Final = r"^[a-z][a-z0-9-]{0,62}$"
_DSN: Final = re.compile(r"https?://[^@/\s]+@[^/\s]+/(\S+/)?\d+")
_MAX_VALUE_LENGTH: Final = 80


class SettingsError(Exception):
    """The environment holds a value the service cannot start with; the message is one line."""


class ServiceSettings(BaseSettings):
    """What all services share. A service subclasses it and gives `service_name` a default.

    Each field is read from the environment variable of its name in upper case.
    A variable set to the empty string counts as unset.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    service_name: str = Field(pattern=_WORD, description="a lower-case word such as backend-api")
    service_version: str = Field(
        default="0.0.0", min_length=1, max_length=64, description="a version such as 1.4.2"
    )
    environment: str = Field(
        default="development", pattern=_WORD, description="a lower-case word such as production"
    )
    debug: bool = Field(default=False, description="true or false")
    log_level: LogLevel = Field(
        default="INFO", description="one of DEBUG, INFO, WARNING, ERROR, CRITICAL"
    )
    log_format: LogFormat = Field(
        default="auto", description="json, text, or auto (text in a terminal)"
    )
    otlp_endpoint: HttpUrl | None = Field(
        default=None, description="the collector's URL such as http://localhost:4318"
    )
    otlp_headers: SecretStr = Field(
        default=SecretStr(""), description="name=value pairs parted by commas"
    )
    traces_exporter: TracesExporter = Field(
        default="otlp", description="otlp (to OTLP_ENDPOINT where it is set), jaeger or none"
    )
    jaeger_agent_host: str = Field(
        default="localhost", min_length=1, description="the host of a Jaeger agent"
    )
    jaeger_agent_port: int = Field(
        default=6831, ge=1, le=65_535, description="a port from 1 to 65535"
    )
    sentry_dsn: SecretStr | None = Field(
        default=None, description="a DSN such as https://key@sentry.example/1"
    )
    trace_sample_rate: float = Field(
        default=1.0, ge=0.0, le=1.0, description="the share of new traces kept, from 0 to 1"
    )
    metrics_tenant_limit: int = Field(
        default=1000, ge=1, le=100_000, description="tenants with series of their own, 1 or more"
    )
    data_dir: Path = Field(default=Path(".data"), description="a folder for local files")

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper_case(cls, value: object) -> object:
        # A level that is none stays as it was written, for the error line.
        if isinstance(value, str) and value.upper() in get_args(LogLevel):
            return value.upper()
        return value

    @field_validator("log_format", mode="before")
    @classmethod
    def _lower_case(cls, value: object) -> object:
        if isinstance(value, str) and value.lower() in get_args(LogFormat):
            return value.lower()
        return value

    @field_validator("traces_exporter", mode="before")
    @classmethod
    def _lower_case_exporter(cls, value: object) -> object:
        if isinstance(value, str) and value.lower() in get_args(TracesExporter):
            return value.lower()
        return value

    @field_validator("sentry_dsn")
    @classmethod
    def _dsn(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _DSN.fullmatch(value.get_secret_value()):
            raise ValueError("not a DSN")
        return value

    @field_validator("otlp_headers")
    @classmethod
    def _pairs(cls, value: SecretStr) -> SecretStr:
        parse_headers(value.get_secret_value())
        return value


def parse_headers(text: str) -> dict[str, str]:
    """`a=1,b=2` as a mapping. Raises `ValueError` where a part is no name=value pair."""
    headers: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, separator, value = part.partition("=")
        if not separator or not name.strip():
            raise ValueError("a part is not name=value")
        headers[name.strip()] = value.strip()
    return headers


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def load_settings(cls: type[SettingsT]) -> SettingsT:
    """Read the settings from the environment.

    Raises `SettingsError`: one line that names each bad variable, its value (masked where it
    is a secret) and what is expected.
    """
    try:
        return cls()
    except ValidationError as error:
        problems = [_problem(cls, detail) for detail in error.errors(include_url=False)]
        raise SettingsError("; ".join(problems)) from None
    except SourceError as error:
        raise SettingsError(_source_problem(cls, str(error))) from None


def load_settings_or_exit(cls: type[SettingsT], program: str) -> SettingsT:
    """Read the settings of a program that starts: a bad one ends it with one line and status 2."""
    try:
        return load_settings(cls)
    except SettingsError as error:
        sys.stderr.write(f"{program} cannot start: {error}\n")
        raise SystemExit(2) from None


def _problem(cls: type[BaseSettings], detail: ErrorDetails) -> str:
    if not detail["loc"]:
        return _one_line(detail["msg"])
    name = str(detail["loc"][0])
    field = _field(cls, name)
    expected = (field.description if field else None) or _one_line(detail["msg"])
    if detail["type"] == "missing":
        return f"{name.upper()} is not set: expected {expected}"
    value = "a secret" if field and _is_secret(field.annotation) else _shown(detail["input"])
    return f"{name.upper()}={value} is not valid: expected {expected}"


def _source_problem(cls: type[BaseSettings], message: str) -> str:
    match = re.search(r'field "(\w+)"', message)
    if match is None:
        return _one_line(message)
    field = _field(cls, match[1])
    expected = (field.description if field else None) or "valid JSON"
    return f"{match[1].upper()} is not valid: expected {expected}"


def _field(cls: type[BaseSettings], name: str) -> FieldInfo | None:
    for field_name, field in cls.model_fields.items():
        if name.lower() in (field_name, str(field.validation_alias).lower()):
            return field
    return None


def _is_secret(annotation: Any) -> bool:
    if annotation in (SecretStr, SecretBytes):
        return True
    return any(_is_secret(part) for part in get_args(annotation))


def _shown(value: object) -> str:
    shown = redact(str(value))
    return repr(shown if len(shown) <= _MAX_VALUE_LENGTH else f"{shown[:_MAX_VALUE_LENGTH]}...")


def _one_line(message: str) -> str:
    return redact(" ".join(message.split()))
