from pathlib import Path

from launcher.own_secrets import make_secrets


def test_secrets_are_made_once(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    make_secrets(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == made
    assert made.keys() == {"service-token", "postgres-password", "pgpass"}
    assert len(made["postgres-password"]) >= 32
    assert made["pgpass"] == f"*:*:*:recommender:{made['postgres-password']}\n"


def test_only_their_owner_reads_what_the_services_alone_need(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    # PostgreSQL's clients take no password file that others may read.
    assert modes == {"service-token": 0o600, "pgpass": 0o600, "postgres-password": 0o644}
