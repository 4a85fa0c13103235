"""How the process starts, or says why it does not."""

import pytest

from data_pipeline.main import main

TOKEN = "long-enough-for-a-token"


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "SERVICE_TOKEN"),
        ({"SERVICE_TOKEN": "short"}, "SERVICE_TOKEN"),
        ({"SERVICE_TOKEN_FILE": "no-such-file"}, "SERVICE_TOKEN_FILE"),
        ({"SERVICE_TOKEN": TOKEN, "PORT": "none"}, "PORT"),
        ({"SERVICE_TOKEN": TOKEN, "MAX_BODY_BYTES": "1"}, "MAX_BODY_BYTES"),
        ({"SERVICE_TOKEN": TOKEN, "DB_POOL_SIZE": "0"}, "DB_POOL_SIZE"),
    ],
)
def test_a_bad_setting_ends_the_start_with_one_line(
    monkeypatch, capsys, environment, named
) -> None:
    for name in ("SERVICE_TOKEN", "SERVICE_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("data-pipeline cannot start: ")
    assert named in error
    assert error.count("\n") == 1
