"""`docker compose` takes the files, and what they run is pinned, bounded, hardened and local."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.stack.stack_programs import output_of, program
from tests.stack.test_prometheus_config import TARGETS

ROOT: Final = Path(__file__).parents[2]
STACK: Final = ROOT / "observability" / "docker-compose.yml"
FILES: Final = {"all": ROOT / "docker-compose.yml", "stack": STACK}

# Why a service has no health check in compose, where its image brings none.
WITHOUT_CHECK: Final = {
    "secrets": "ends once it has made them",
    "bucket": "ends once it has made it",
    "backup": "ends once it is made",
    "backend-api-migrations": "ends once the tables are made",
    "ml-engine-migrations": "ends once the tables are made",
    "data-pipeline-migrations": "ends once the tables are made",
    "backend-api": "its image has one",
    "ml-engine": "its image has one",
    "data-pipeline": "its image has one",
    "jaeger": "its image has no program to ask with: `ready` asks",
    "collector": "its image has no program to ask with: `ready` asks",
    "node-exporter": "`ready` asks",
    "redis-exporter": "its image is the exporter alone: Prometheus asks",
    "postgres-exporter": "Prometheus asks",
}

# Why a service may write to its own file system.
WRITABLE: Final = {"kafka": "its start writes the broker's configuration beside the program"}


def configuration(path: Path, **environment: str) -> dict[str, Any]:
    arguments = ("-f", str(path), "--env-file", "/dev/null", "config", "--format", "json")
    return json.loads(output_of("docker-compose", *arguments, environment=environment))


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """Those of every profile too."""
    return configuration(FILES["all"], COMPOSE_PROFILES="*")["services"]


@pytest.mark.parametrize("path", FILES.values(), ids=FILES)
def test_the_files_are_sound_without_any_setting(path: Path) -> None:
    done = subprocess.run(
        [
            *(program("docker-compose"), "-f", path, "--env-file", "/dev/null"),
            *("--profile", "*", "config", "--quiet"),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_settings_given_as_an_example_are_those_that_hold_without_it() -> None:
    path = ROOT / "docker-compose.yml"
    example = str(ROOT / ".env.example")
    arguments = ("-f", str(path), "--env-file", example, "config", "--format", "json")
    assert json.loads(output_of("docker-compose", *arguments)) == configuration(path)


def test_the_stack_is_part_of_the_whole(services: dict[str, Any]) -> None:
    assert configuration(STACK)["services"].items() <= services.items()


def test_every_target_of_prometheus_runs_here(services: dict[str, Any]) -> None:
    hosts = {target.split(":")[0] for target in TARGETS.values()} - {"localhost"}
    assert hosts <= services.keys()


def test_all_are_in_one_network(services: dict[str, Any]) -> None:
    apart = {name for name, service in services.items() if "network_mode" in service}
    assert apart == {"secrets", "bucket"}
    networks = [service["networks"] for name, service in services.items() if name not in apart]
    assert all(set(one) == {"default"} for one in networks)


def test_the_services_send_to_the_collector(services: dict[str, Any]) -> None:
    for name in ("backend-api", "ml-engine", "data-pipeline"):
        assert services[name]["environment"]["OTLP_ENDPOINT"] == "http://collector:4318"
    off = configuration(FILES["all"], OTLP_ENDPOINT="")["services"]
    assert off["backend-api"]["environment"]["OTLP_ENDPOINT"] == ""


def test_objects_are_in_a_folder_or_in_the_s3_that_is_named() -> None:
    users = ("ml-engine", "data-pipeline", "backup")
    folder = configuration(FILES["all"], COMPOSE_PROFILES="operations")["services"]
    assert "object-store" not in folder
    s3 = {
        "OBJECT_STORE_URL": "s3://objects",
        "AWS_ENDPOINT": "http://object-store:7070",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "a-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
    }
    named = configuration(FILES["all"], COMPOSE_PROFILES="operations,s3", **s3)["services"]
    for name in users:
        variables = folder[name]["environment"]
        assert variables["OBJECT_STORE_URL"] == "file:///shared/objects"
        assert {variables[key] for key in variables if key.startswith("AWS_")} == {None}
        assert named[name]["environment"].items() >= s3.items()
        assert named[name]["depends_on"]["object-store"]["condition"] == "service_healthy"
    assert named["object-store"]["environment"].items() >= {
        ("ROOT_ACCESS_KEY", "a-key"),
        ("ROOT_SECRET_KEY", "a-secret"),
    }


def test_only_the_public_api_listens_beyond_this_machine(services: dict[str, Any]) -> None:
    public = {
        name
        for name, service in services.items()
        for port in service.get("ports", [])
        if port.get("host_ip") != "127.0.0.1"
    }
    assert public == {"backend-api"}


def test_every_image_but_those_made_here_is_of_one_version(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if not service["image"].startswith("recommender/"):
            _, _, tag = service["image"].rpartition(":")
            assert tag.lstrip("v")[0].isdigit(), (name, service["image"])
            assert tag.count(".") == 2, (name, service["image"])


def test_every_service_is_bounded_and_hardened(services: dict[str, Any]) -> None:
    for name, service in services.items():
        limits = service["deploy"]["resources"]["limits"]
        assert limits.keys() >= {"cpus", "memory", "pids"}, name
        assert service.get("read_only", False) is (name not in WRITABLE), name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
        assert service.get("user") not in ("root", "0"), name


def test_every_service_is_checked_or_listed_with_the_reason(services: dict[str, Any]) -> None:
    unchecked = {name for name, service in services.items() if "healthcheck" not in service}
    assert unchecked == WITHOUT_CHECK.keys()
    asked = re.findall(r"[a-z-]+", str(services["ready"]["healthcheck"]["test"]))
    for name, reason in WITHOUT_CHECK.items():
        assert ("`ready` asks" in reason) == (name in asked), name
        if reason == "its image has one":
            assert "HEALTHCHECK" in (ROOT / name / "Dockerfile").read_text(), name


def test_secrets_are_files_from_a_folder_of_the_operators(tmp_path: Path) -> None:
    document = yaml.safe_load(STACK.read_text())
    used = {name for one in document["services"].values() for name in one.get("secrets", [])}
    assert used == document["secrets"].keys()
    unset = configuration(STACK)["secrets"]
    assert {Path(one["file"]).read_text() for one in unset.values()} == {""}
    given = configuration(STACK, SECRETS_FOLDER=str(tmp_path))["secrets"]
    assert {one["file"] for one in given.values()} == {str(tmp_path / name) for name in used}


def test_grafana_lets_nobody_in_without_the_password(services: dict[str, Any]) -> None:
    environment = services["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert environment["GF_USERS_ALLOW_SIGN_UP"] == "false"
    assert not [name for name in environment if "PASSWORD" in name]


@pytest.mark.parametrize("given", ["", "from-a-file"], ids=["made", "given"])
def test_grafana_takes_the_password_from_a_file_or_makes_one(tmp_path: Path, given: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text(given)
    (script,) = yaml.safe_load(STACK.read_text())["services"]["grafana"]["command"]
    for ours, theirs in {
        "$$": "$",
        "/run/secrets/grafana-admin-password": str(secret),
        "/var/lib/grafana": str(tmp_path),
        "/run.sh": 'cat "$GF_SECURITY_ADMIN_PASSWORD__FILE"',
    }.items():
        script = script.replace(ours, theirs)

    starts = [
        subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]

    assert starts[0] == starts[1]
    assert starts[0] == given if given else len(starts[0].strip()) == 24


def test_data_outlives_its_container(services: dict[str, Any]) -> None:
    stack = yaml.safe_load(STACK.read_text())["services"]
    kept = {
        name: volume["target"]
        for name in stack
        for volume in services[name].get("volumes", [])
        if volume["type"] == "volume"
    }
    assert kept == {
        "prometheus": "/prometheus",
        "alertmanager": "/alertmanager",
        "loki": "/loki",
        "jaeger": "/tmp",
        "grafana": "/var/lib/grafana",
    }


def test_prometheus_keeps_thirty_days_and_exemplars(services: dict[str, Any]) -> None:
    command = services["prometheus"]["command"]
    assert "--storage.tsdb.retention.time=30d" in command
    (features,) = [flag for flag in command if flag.startswith("--enable-feature=")]
    assert {"exemplar-storage", "extra-scrape-metrics"} == set(features.split("=")[1].split(","))
