from typing import Any

import pytest
from pydantic import Field, SecretStr

from instrumentation.settings import ServiceSettings, SettingsError, load_settings


class Settings(ServiceSettings):
    service_name: str = "backend-api"
    admin_key: SecretStr = Field(
        default=SecretStr("x" * 20), min_length=20, description="a key of 20 characters or more"
    )
    database_url: str = Field(
        default="sqlite:///a", pattern="^sqlite", description="a database URL"
    )
    weights: dict[str, float] = Field(default={}, description="a JSON object of numbers")


class NamelessSettings(ServiceSettings):
    pass


def failure(cls: type[Any] = Settings) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(cls)
    return str(caught.value)


def test_reads_variables_whatever_their_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("trace_sample_rate", "0.25")
    monkeypatch.setenv("LOG_LEVEL", "warning")
    settings = load_settings(Settings)
    assert (settings.trace_sample_rate, settings.log_level) == (0.25, "WARNING")


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTLP_ENDPOINT", "")
    monkeypatch.setenv("DEBUG", "")
    assert load_settings(Settings).otlp_endpoint is None


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("TRACE_SAMPLE_RATE", "2", "the share of new traces kept, from 0 to 1"),
        ("OTLP_ENDPOINT", "collector:4318", "the collector's URL"),
        ("DEBUG", "maybe", "true or false"),
        ("LOG_LEVEL", "loud", "one of DEBUG, INFO"),
        ("ENVIRONMENT", "Not A Word", "a lower-case word"),
    ],
)
def test_a_bad_value_is_one_line_naming_variable_value_and_expectation(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(variable, value)
    line = failure()
    assert "\n" not in line
    assert line.startswith(f"{variable}='{value}' is not valid: expected {expected}")


def test_several_bad_values_are_all_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "maybe")
    monkeypatch.setenv("TRACE_SAMPLE_RATE", "-1")
    assert "DEBUG=" in failure()
    assert "TRACE_SAMPLE_RATE=" in failure()


def test_a_missing_value_is_named() -> None:
    assert failure(NamelessSettings).startswith("SERVICE_NAME is not set: expected")


def test_a_bad_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_KEY", "hunter2")
    monkeypatch.setenv("OTLP_HEADERS", "hunter3")
    line = failure()
    assert "ADMIN_KEY=a secret is not valid: expected a key of 20 characters" in line
    assert "OTLP_HEADERS=a secret is not valid: expected name=value pairs" in line
    assert "hunter" not in line


def test_a_password_in_a_url_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter2@db/x")
    assert "hunter2" not in failure()


def test_malformed_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIGHTS", "{broken")
    assert failure() == "WEIGHTS is not valid: expected a JSON object of numbers"
