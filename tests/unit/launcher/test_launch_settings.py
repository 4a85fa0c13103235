"""Settings, addresses, the service token and the choice of the sample."""

import io
from pathlib import Path

import pytest
from pydantic import SecretStr

from instrumentation.settings import SettingsError, load_settings
from launcher.addresses import local_addresses
from launcher.errors import LaunchError
from launcher.reporting import PlainReporter, Reporter
from launcher.sample.source import choose_sample
from launcher.service_token import given_token, made_token_file, read_token
from launcher.settings import DemoSettings, LaunchSettings

UNREACHABLE = "http://127.0.0.1:9/sample"


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def reporter(out: io.StringIO) -> Reporter:
    return PlainReporter(out)


def small(data_dir: Path, **more: object) -> DemoSettings:
    sizes = {"simulator_users": 20, "simulator_items": 12, "simulator_events": 30}
    # Whoever runs the tests may have set a DATASET_DIR.
    return DemoSettings.model_validate({"data_dir": data_dir, "dataset_dir": None, **sizes, **more})


def test_a_bad_port_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_ENGINE_PORT", "99999")
    with pytest.raises(SettingsError, match="ML_ENGINE_PORT='99999' is not valid: expected a port"):
        load_settings(LaunchSettings)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8001"),
        ("0.0.0.0", "http://127.0.0.1:8001"),
        ("::", "http://[::1]:8001"),
        ("10.0.0.7", "http://10.0.0.7:8001"),
    ],
)
def test_services_are_reached_where_they_listen(host: str, address: str) -> None:
    assert local_addresses(LaunchSettings(host=host)).ml_engine == address


def test_a_token_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = made_token_file(tmp_path)
    token = read_token(path)
    assert len(token) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_token(made_token_file(tmp_path)) == token


def test_a_given_token_goes_before_a_made_one(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("from-a-file-of-the-person\n")
    assert given_token(LaunchSettings()) is None
    assert given_token(LaunchSettings(service_token_file=path)) == "from-a-file-of-the-person"
    given = LaunchSettings(service_token=SecretStr("x" * 16), service_token_file=path)
    assert given_token(given) == "x" * 16


def test_a_token_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="none cannot be read: No such file"):
        given_token(LaunchSettings(service_token_file=tmp_path / "none"))


@pytest.mark.anyio
async def test_without_data_and_network_the_sample_is_simulated_with_a_notice(
    tmp_path: Path, out: io.StringIO, reporter: Reporter
) -> None:
    sample = await choose_sample(small(tmp_path), reporter, UNREACHABLE)
    assert sample.name == "simulator"
    notice, made = out.getvalue().splitlines()
    assert notice.startswith(f"The real sample cannot be had: no answer from {UNREACHABLE}")
    assert made == "Making a sample of 20 simulated users, 12 items and 30 events"


@pytest.mark.anyio
async def test_where_the_real_sample_is_asked_for_nothing_else_will_do(
    tmp_path: Path, reporter: Reporter
) -> None:
    with pytest.raises(LaunchError, match="no answer from"):
        await choose_sample(small(tmp_path, sample="movietweetings"), reporter, UNREACHABLE)


@pytest.mark.anyio
async def test_a_data_set_folder_without_the_sample_is_an_error_not_a_fallback(
    tmp_path: Path, reporter: Reporter
) -> None:
    with pytest.raises(LaunchError, match=r"movietweetings-100k.*cannot be read"):
        await choose_sample(small(tmp_path, dataset_dir=tmp_path), reporter, UNREACHABLE)
