"""What data-pipeline says of settings that do not fit together."""

import pytest

from data_pipeline.settings import Settings
from instrumentation.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", "a-token-for-the-tests")
    monkeypatch.setenv("DEDUPLICATION_DAYS", "30")


@pytest.mark.parametrize("days", [0, 30, 400])
def test_events_stay_for_ever_or_as_long_as_their_ids(
    monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    monkeypatch.setenv("EVENT_RETENTION_DAYS", str(days))
    assert load_settings(Settings).event_retention_days == days


def test_events_may_not_go_before_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_RETENTION_DAYS", "29")
    with pytest.raises(SettingsError, match=r"EVENT_RETENTION_DAYS .* DEDUPLICATION_DAYS \(30\)"):
        load_settings(Settings)
