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


def key_id_of(created: Result) -> str:
    return created.stdout.split("_")[1]


def state_of(recsys: Recsys, key_id: str, *owner: str) -> list[str]:
    lines = recsys("key", "list", *owner).stdout.splitlines()
    return next(line.split("\t") for line in lines if line.startswith(key_id))


def test_a_key_is_created_listed_and_revoked(recsys: Recsys) -> None:
    recsys("tenant", "create", "acme")
    created = recsys("key", "create", "acme")
    key = created.stdout.strip()
    assert re.fullmatch(r"rk_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}", key)
    key_id = key_id_of(created)
    assert state_of(recsys, key_id, "acme")[2:] == ["-", "read,write", "active", "-"]
    assert key.rpartition("_")[2] not in recsys("key", "list", "acme").stdout
    for _ in range(2):
        assert recsys("key", "revoke", key_id).exit_code == 0
    assert state_of(recsys, key_id, "acme")[4].startswith("revoked 2")


def test_a_key_has_scopes_a_name_and_an_end(recsys: Recsys) -> None:
    recsys("tenant", "create", "acme")
    options = ("--scope", "admin", "--scope", "read", "--expires-in", "90d", "--name", "shop")
    key_id = key_id_of(recsys("key", "create", "acme", *options))
    _, _, _, scopes, state, name = state_of(recsys, key_id, "acme")
    assert (scopes, name) == ("admin,read", "shop")
    assert state.startswith("active until 2")


def test_a_rotated_key_ends_and_the_new_one_is_like_it(recsys: Recsys) -> None:
    recsys("tenant", "create", "acme")
    old = key_id_of(recsys("key", "create", "acme", "--scope", "read", "--name", "shop"))
    new = key_id_of(recsys("key", "rotate", old, "--overlap", "2h"))
    assert state_of(recsys, old, "acme")[4].startswith("active until 2")
    assert state_of(recsys, new, "acme")[3:] == ["read", "active", "shop"]


def test_the_operators_keys_are_apart(recsys: Recsys) -> None:
    key_id = key_id_of(recsys("key", "create", "--operator"))
    assert state_of(recsys, key_id, "--operator")[3] == "admin"
    assert recsys("key", "revoke", key_id).exit_code == 0
    refused(recsys("key", "create"), 2, "give a tenant, or --operator")


def test_a_generated_key_is_stored_nowhere(recsys: Recsys) -> None:
    assert recsys("key", "generate").stdout.startswith("rk_")
    assert not recsys("key", "list", "--operator").stdout


def test_a_tenant_is_suspended_resumed_and_put_on_a_plan(recsys: Recsys) -> None:
    recsys("tenant", "create", "acme", "--plan", "free")
    for command, status in (("suspend", "suspended"), ("resume", "active")):
        assert recsys("tenant", command, "acme").exit_code == 0
        assert f"\t{status}\tfree\t" in recsys("tenant", "list").stdout
    assert recsys("tenant", "set-plan", "acme", "enterprise").exit_code == 0
    shown = recsys("tenant", "show", "acme").stdout
    assert '"plan_id": "enterprise"' in shown
    assert '"price_per_1000_requests"' in shown


def test_plans_are_set_listed_and_deleted(recsys: Recsys) -> None:
    options = ("--price", "1.25", "--currency", "USD", "--serving", "5:10")
    assert recsys("plan", "set", "small", *options).stdout == "small\n"
    lines = {line.split("\t")[0]: line for line in recsys("plan", "list").stdout.splitlines()}
    assert set(lines) == {"standard", "free", "enterprise", "small"}
    assert lines["small"] == "small\t1.25 USD\tany\tserving=5/s:10"
    assert recsys("plan", "delete", "small").exit_code == 0
    assert "small" not in recsys("plan", "list").stdout


def test_every_act_is_in_the_audit_log(recsys: Recsys) -> None:
    recsys("tenant", "create", "acme")
    key_id = key_id_of(recsys("key", "create", "acme"))
    recsys("key", "revoke", key_id)
    recsys("plan", "set", "small", "--price", "1")
    recsys("tenant", "create", "acme")
    acts = [line.split("\t")[1:4] for line in recsys("audit", "list").stdout.splitlines()]
    assert acts == [
        ["cli", "plan.set", "small"],
        ["cli", "key.revoke", key_id],
        ["cli", "key.create", key_id],
        ["cli", "tenant.create", "acme"],
    ]
    of_tenant = recsys("audit", "list", "--tenant", "acme", "--limit", "1").stdout
    assert "key.revoke" in of_tenant
    assert len(of_tenant.splitlines()) == 1


def test_usage_is_reported_as_text_and_as_csv(recsys: Recsys) -> None:
    assert not recsys("usage", "report").stdout
    header = recsys("usage", "report", "--csv", "--from", "2026-01-01", "--to", "2026-01-31")
    assert header.stdout.startswith("day,tenant_id,endpoint,requests,billed_requests,tokens,cost")


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
        (("key", "rotate", "nokey"), "there is no key nokey"),
        (("tenant", "suspend", "nobody"), "there is no tenant nobody"),
        (("tenant", "set-plan", "acme", "none"), "there is no plan none"),
        (("tenant", "create", "new", "--plan", "none"), "there is no plan none"),
        (("plan", "delete", "standard"), "plan standard is the default"),
        (("plan", "set", "Small", "--price", "1"), "plan_id: String should match"),
        (("plan", "set", "small", "--price", "-1"), "price_per_1000_requests: "),
    ],
)
def test_a_refusal_is_one_line_and_status_1(
    recsys: Recsys, arguments: tuple[str, ...], words: str
) -> None:
    recsys("tenant", "create", "acme")
    refused(recsys(*arguments), 1, words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("key", "create", "acme", "--expires-in", "soon"), "'soon' is no duration"),
        (("plan", "set", "small", "--price", "cheap"), "'cheap' is no price"),
        (("plan", "set", "small", "--price", "1", "--serving", "many"), "'many' is no limit"),
    ],
)
def test_a_bad_argument_is_one_line_and_status_2(
    recsys: Recsys, arguments: tuple[str, ...], words: str
) -> None:
    recsys("tenant", "create", "acme")
    refused(recsys(*arguments), 2, words)


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
    commands = {
        "tenant": ("create", "list", "show", "suspend", "resume", "set-plan"),
        "plan": ("list", "set", "delete"),
        "key": ("create", "generate", "list", "rotate", "revoke"),
        "audit": ("list",),
        "usage": ("report",),
    }
    for group, names in commands.items():
        for name in names:
            assert name in recsys(group, "--help").output
            assert recsys(group, name, "--help").exit_code == 0
