"""`recsys`: what it prints, and how it ends."""

import re
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from backend_api.cli import app
from backend_api.settings import Settings


class Recsys:
    """The command over a database of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.environment: dict[str, str | None] = dict.fromkeys(
            (name.upper() for name in Settings.model_fields), None
        )
        self.environment["DATA_DIR"] = str(data_dir)

    def __call__(self, *arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(app, arguments, env={**self.environment, **environment})


@pytest.fixture
def recsys(tmp_path: Path) -> Recsys:
    return Recsys(tmp_path)


def refused(result: Result, status: int, words: str) -> None:
    assert result.exit_code == status
    assert not result.stdout
    assert len(result.stderr.splitlines()) == 1
    assert words in result.stderr


def test_tenants_are_created_and_listed(recsys: Recsys) -> None:
    assert recsys("tenant", "create", "globex").stdout == "globex\n"
    assert recsys("tenant", "create", "acme", "--name", "Acme Ltd").exit_code == 0
    lines = recsys("tenant", "list").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["acme", "globex"]
    assert lines[0].endswith("\tAcme Ltd")
    assert lines[1].endswith("\tglobex")


def test_a_key_is_created_listed_and_revoked(recsys: Recsys) -> None:
    recsys("tenant", "create", "acme")
    created = recsys("key", "create", "acme")
    key = created.stdout.strip()
    assert re.fullmatch(r"rk_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}", key)
    key_id = key.split("_")[1]
    listed = recsys("key", "list", "acme").stdout
    assert listed.startswith(key_id)
    assert listed.endswith("\tactive\n")
    assert key.rpartition("_")[2] not in listed
    for _ in range(2):
        assert recsys("key", "revoke", key_id).exit_code == 0
    assert "\trevoked 2" in recsys("key", "list", "acme").stdout


def test_keys_are_listed_for_their_own_tenant(recsys: Recsys) -> None:
    keys = {}
    for tenant_id in ("acme", "globex"):
        recsys("tenant", "create", tenant_id)
        keys[tenant_id] = recsys("key", "create", tenant_id).stdout.split("_")[1]
    for tenant_id, key_id in keys.items():
        lines = recsys("key", "list", tenant_id).stdout.splitlines()
        assert [line.split("\t")[0] for line in lines] == [key_id]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tenant", "create", "acme"), "tenant acme exists already"),
        (("tenant", "create", "Acme Ltd"), "is no tenant id"),
        (("key", "create", "nobody"), "there is no tenant nobody"),
        (("key", "list", "nobody"), "there is no tenant nobody"),
        (("key", "revoke", "nokey"), "there is no key nokey"),
    ],
)
def test_a_refusal_is_one_line_and_status_1(
    recsys: Recsys, arguments: tuple[str, ...], words: str
) -> None:
    recsys("tenant", "create", "acme")
    refused(recsys(*arguments), 1, words)


def test_a_bad_setting_is_one_line_and_status_2(recsys: Recsys) -> None:
    refused(recsys("tenant", "list", DB_POOL_SIZE="many"), 2, "DB_POOL_SIZE='many'")


def test_a_database_that_cannot_be_opened_is_one_line_and_status_1(
    recsys: Recsys, tmp_path: Path
) -> None:
    (tmp_path / "backend-api").write_text("a file where a folder should be")
    refused(recsys("tenant", "list"), 1, "the database is not available")


def test_help_names_the_commands(recsys: Recsys) -> None:
    assert "tenant" in recsys("--help").output
    assert "DATABASE_URL" in recsys("--help").output
    for command in ("create", "list", "revoke"):
        assert command in recsys("key", "--help").output
