"""Settings: defaults, the service token, and bad values as one line."""

from pathlib import Path

import pytest

from backend_api.domain.keys import new_api_key
from backend_api.settings import DatabaseSettings, Settings
from instrumentation.settings import SettingsError, load_settings

TOKEN = "0123456789abcdef0123"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_database_lies_under_the_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "/srv/data")
    loaded = load_settings(DatabaseSettings)
    assert loaded.database_url == "sqlite+aiosqlite:////srv/data/backend-api/backend-api.db"


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", TOKEN)
    assert load_settings(Settings).token() == TOKEN


def test_the_token_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("SERVICE_TOKEN_FILE", str(tmp_path / "token"))
    assert load_settings(Settings).token() == TOKEN


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVICE_TOKEN", "short"),
        ("SERVICE_TOKEN_FILE", "/nowhere/token"),
        ("PORT", "0"),
        ("PORT", "eighty"),
        ("DATABASE_URL", "sqlite:///blocking.db"),
        ("DATABASE_URL", "no url"),
        ("DATABASE_URL", "nosuch+driver://host/db"),
        ("DB_POOL_SIZE", "0"),
        ("ML_ENGINE_URL", "ml-engine:8001"),
        ("ML_ENGINE_TIMEOUT_SECONDS", "0"),
        ("MAX_BODY_BYTES", "1"),
        ("ADMIN_API_KEY", "password"),
        ("ADMIN_API_KEY", f"rk_{'a' * 12}_{'b' * 43}"),
        ("ADMIN_API_KEY_FILE", "/nowhere/key"),
        ("REDIS_URL", "http://127.0.0.1:6379"),
        ("USAGE_FLUSH_SECONDS", "0"),
        ("IDEMPOTENCY_HOURS", "0"),
    ],
)
def test_a_bad_value_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    if not name.startswith("SERVICE_TOKEN"):
        monkeypatch.setenv("SERVICE_TOKEN", TOKEN)
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings(Settings)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_service_without_a_token_does_not_start() -> None:
    with pytest.raises(SettingsError, match="set SERVICE_TOKEN to a secret"):
        load_settings(Settings)


def test_a_short_token_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", "hunter2")
    with pytest.raises(SettingsError) as raised:
        load_settings(Settings)
    assert "hunter2" not in str(raised.value)


def test_the_operators_key_comes_from_the_environment_or_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = new_api_key()
    monkeypatch.setenv("SERVICE_TOKEN", TOKEN)
    assert load_settings(Settings).operator_key() is None
    (tmp_path / "key").write_text(f"{key}\n")
    monkeypatch.setenv("ADMIN_API_KEY_FILE", str(tmp_path / "key"))
    assert load_settings(Settings).operator_key() == key
    other = new_api_key()
    monkeypatch.setenv("ADMIN_API_KEY", other)
    assert load_settings(Settings).operator_key() == other


def test_a_weak_operators_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", TOKEN)
    monkeypatch.setenv("ADMIN_API_KEY", "hunter2-hunter2")
    with pytest.raises(SettingsError, match="malformed or weak") as raised:
        load_settings(Settings)
    assert "hunter2" not in str(raised.value)
