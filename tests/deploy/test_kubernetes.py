"""The manifests of Kubernetes are valid, hardened, and fit the services that they start."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import kubernetes_validate
import pytest
import yaml

import backend_api.settings
import data_pipeline.settings
import ml_engine.settings
from launcher.backup.settings import BackupSettings

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "kubernetes"
OVERLAYS: Final = sorted(path.name for path in (FOLDER / "overlays").iterdir())
SETTINGS: Final = {
    "backend-api": backend_api.settings.Settings,
    "ml-engine": ml_engine.settings.Settings,
    "data-pipeline": data_pipeline.settings.Settings,
    "backup": BackupSettings,
}
MIGRATED: Final = {
    "backend-api": backend_api.settings.DatabaseSettings,
    "ml-engine": ml_engine.settings.DatabaseSettings,
    "data-pipeline": data_pipeline.settings.DatabaseSettings,
}
NEEDED: Final = {
    "backend-api": {"DATABASE_URL", "REDIS_URL", "SERVICE_TOKEN", "ADMIN_API_KEY"}
    | {"ML_ENGINE_URL", "DATA_PIPELINE_URL", "ENVIRONMENT", "SERVICE_VERSION", "OTLP_ENDPOINT"},
    "ml-engine": {"DATABASE_URL", "REDIS_URL", "SERVICE_TOKEN", "OBJECT_STORE_URL"}
    | {"ENVIRONMENT", "SERVICE_VERSION", "OTLP_ENDPOINT"},
    "data-pipeline": {"DATABASE_URL", "REDIS_URL", "SERVICE_TOKEN", "OBJECT_STORE_URL"}
    | {"KAFKA_BOOTSTRAP_SERVERS", "ENVIRONMENT", "SERVICE_VERSION", "OTLP_ENDPOINT"},
    "backup": {"REDIS_URL", "OBJECT_STORE_URL", "BACKEND_API_DATABASE_URL"}
    | {"ML_ENGINE_DATABASE_URL", "DATA_PIPELINE_DATABASE_URL"},
}
"""What nobody leaves at its default in production."""

TRAINING: Final = "ml-engine-training"

SERVICE_MONITOR: Final = json.loads((Path(__file__).parent / "service_monitor.json").read_text())
"""The part of the operator's schema that is used here, with nothing else allowed."""

Manifest = dict[str, Any]

if shutil.which("kubectl") is None:
    pytest.skip("needs kubectl, which renders the manifests", allow_module_level=True)


@cache
def rendered(overlay: str) -> list[Manifest]:
    done = subprocess.run(
        ["kubectl", "kustomize", FOLDER / "overlays" / overlay],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return rendered(request.param)


def of_kind(manifests: list[Manifest], *kinds: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] in kinds}


def pod_templates(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The pods of each workload."""
    for name, one in of_kind(manifests, "Deployment", "StatefulSet", "Job").items():
        yield name, one["spec"]["template"]
    for name, one in of_kind(manifests, "CronJob").items():
        yield name, one["spec"]["jobTemplate"]["spec"]["template"]


def serving(manifests: list[Manifest]) -> dict[str, Manifest]:
    """What runs all the time."""
    return of_kind(manifests, "Deployment", "StatefulSet")


def covers(selector: Manifest, labels: dict[str, str]) -> bool:
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )


def container_of(template: Manifest) -> Manifest:
    (container,) = template["spec"]["containers"]
    return container


def environment(manifests: list[Manifest], template: Manifest) -> dict[str, str]:
    """The variables that a container has; a secret's value is the name of its key."""
    container = container_of(template)
    maps = of_kind(manifests, "ConfigMap")
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            found |= maps[source["configMapRef"]["name"]]["data"]
    for one in container.get("env", []):
        found[one["name"]] = one.get("value") or one["valueFrom"]["secretKeyRef"]["key"]
    return found


@pytest.mark.slow
def test_every_manifest_is_valid_in_the_newest_kubernetes(manifests: list[Manifest]) -> None:
    newest = kubernetes_validate.latest_version()
    monitor = jsonschema_rs.validator_for(SERVICE_MONITOR)
    for one in manifests:
        if one["kind"] == "ServiceMonitor":
            monitor.validate(one)
        else:
            kubernetes_validate.validate(one, newest, strict=True)
        assert one["metadata"].get("namespace", "recommender") == "recommender"


def test_every_image_is_of_one_version(manifests: list[Manifest]) -> None:
    for name, template in pod_templates(manifests):
        _, _, tag = container_of(template)["image"].rpartition(":")
        assert tag.count(".") == 2, name
        assert tag[0].isdigit(), name


def test_no_pod_can_do_more_than_it_must(manifests: list[Manifest]) -> None:
    for name, template in pod_templates(manifests):
        pod, container = template["spec"], container_of(template)
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name


def test_every_container_is_bounded(manifests: list[Manifest]) -> None:
    for name, template in pod_templates(manifests):
        resources = container_of(template)["resources"]
        assert resources["requests"].keys() == resources["limits"].keys() == {"cpu", "memory"}, name
        volumes = template["spec"].get("volumes", [])
        assert all(one["emptyDir"].get("sizeLimit") for one in volumes if "emptyDir" in one), name


def test_what_serves_is_asked_and_may_be_disturbed_one_by_one(manifests: list[Manifest]) -> None:
    budgets = of_kind(manifests, "PodDisruptionBudget")
    for name, one in serving(manifests).items():
        container = container_of(one["spec"]["template"])
        assert container.keys() >= {"livenessProbe", "readinessProbe"}, name
        labels = one["spec"]["template"]["metadata"]["labels"]
        assert covers(budgets[name]["spec"]["selector"], labels), name
        assert budgets[name]["spec"]["maxUnavailable"] == 1, name


def test_services_are_asked_at_their_own_endpoints_and_spread(manifests: list[Manifest]) -> None:
    for name in MIGRATED:
        pod = serving(manifests)[name]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        (port,) = container["ports"]
        assert port["containerPort"] == SETTINGS[name].model_fields["port"].default
        asked = {
            probe: container[probe]["httpGet"]["path"]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert asked == {
            "startupProbe": "/health/live",
            "livenessProbe": "/health/live",
            "readinessProbe": "/health/ready",
        }
        keys = {one["topologyKey"] for one in pod["topologySpreadConstraints"]}
        assert keys == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}


def test_each_service_is_found_and_grows_with_its_load(manifests: list[Manifest]) -> None:
    for name, one in of_kind(manifests, "Service").items():
        labels = serving(manifests)[name]["spec"]["template"]["metadata"]["labels"]
        assert one["spec"]["selector"].items() <= labels.items(), name
    for name, one in of_kind(manifests, "HorizontalPodAutoscaler").items():
        assert one["spec"]["scaleTargetRef"]["name"] == name
        # Else the two would fight over it.
        assert "replicas" not in of_kind(manifests, "Deployment")[name]["spec"]
    scaled = of_kind(manifests, "HorizontalPodAutoscaler").keys()
    assert scaled | {TRAINING} == of_kind(manifests, "Deployment").keys()


def test_what_serves_does_not_train_and_what_trains_is_sent_no_request(
    manifests: list[Manifest],
) -> None:
    templates = dict(pod_templates(manifests))
    serves, trains = (environment(manifests, templates[one]) for one in ("ml-engine", TRAINING))
    assert serves | {"RUN_TRAINING_JOBS": "true"} == trains
    assert serves["RUN_TRAINING_JOBS"] == "false"
    services = of_kind(manifests, "Service")
    for one in ("ml-engine", TRAINING):
        taken = [
            name
            for name, template in templates.items()
            if services[one]["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        ]
        assert taken == [one]


def test_each_pod_takes_in_and_sends_out_what_a_policy_says(manifests: list[Manifest]) -> None:
    policies = of_kind(manifests, "NetworkPolicy").values()
    everything = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert everything in [one["spec"] for one in policies]
    for name, template in pod_templates(manifests):
        own = [
            one["spec"]
            for one in policies
            if one["spec"]["podSelector"]
            and covers(one["spec"]["podSelector"], template["metadata"]["labels"])
        ]
        assert own, name
        if name in serving(manifests):
            assert [one for one in own if one.get("ingress")], name


def test_only_the_public_api_takes_requests_from_anywhere(manifests: list[Manifest]) -> None:
    open_to_all = {
        name
        for name, one in of_kind(manifests, "NetworkPolicy").items()
        for rule in one["spec"].get("ingress", [])
        if not rule.get("from")
    }
    assert open_to_all == {"backend-api"}


def test_every_variable_is_a_setting_that_the_service_knows(manifests: list[Manifest]) -> None:
    templates = dict(pod_templates(manifests))
    for name, settings in SETTINGS.items():
        known = {field.upper() for field in settings.model_fields}
        assert environment(manifests, templates[name]).keys() <= known, name
    for name, settings in MIGRATED.items():
        known = {field.upper() for field in settings.model_fields}
        given = environment(manifests, templates[f"{name}-migrations"])
        assert given.keys() == {"DATABASE_URL"} <= known


def test_a_service_and_its_migrations_are_of_one_image_and_database(
    manifests: list[Manifest],
) -> None:
    templates = dict(pod_templates(manifests))
    for name in MIGRATED:
        service, job = templates[name], templates[f"{name}-migrations"]
        assert container_of(service)["image"] == container_of(job)["image"]
        assert environment(manifests, job).items() <= environment(manifests, service).items()
        module = MIGRATED[name].__module__.partition(".")[0]
        assert container_of(job)["command"] == ["python", "-m", f"{module}.migrate"]
        version = container_of(service)["image"].rpartition(":")[2]
        assert environment(manifests, service)["SERVICE_VERSION"] == version


def test_production_leaves_nothing_at_a_default_for_one_machine() -> None:
    manifests = rendered("production")
    templates = dict(pod_templates(manifests))
    for name, needed in NEEDED.items():
        given = environment(manifests, templates[name])
        assert {one for one in needed if given.get(one)} == needed, name
        assert not given.get("OBJECT_STORE_URL", "").startswith("file:"), name
    assert environment(manifests, templates["backend-api"])["ENVIRONMENT"] == "production"


def test_secrets_are_named_and_never_written(manifests: list[Manifest]) -> None:
    assert not of_kind(manifests, "Secret")
    for name, template in pod_templates(manifests):
        for one in container_of(template).get("env", []):
            secret = {"TOKEN", "PASSWORD", "KEY", "DSN", "DATABASE_URL", "REDIS_URL"}
            if any(word in one["name"] for word in secret):
                assert "secretKeyRef" in one["valueFrom"], (name, one["name"])


def test_the_guide_makes_every_secret_that_the_pods_name(manifests: list[Manifest]) -> None:
    guide = (FOLDER.parents[1] / "docs/operations/kubernetes.md").read_text()
    for _, template in pod_templates(manifests):
        for one in container_of(template).get("env", []):
            if "valueFrom" in one:
                assert f"--from-literal={one['valueFrom']['secretKeyRef']['key']}=" in guide


def test_the_guide_makes_a_restore_of_the_backup(manifests: list[Manifest]) -> None:
    guide = (FOLDER.parents[1] / "docs/operations/kubernetes.md").read_text()
    edit = re.search(r"sed '(s\|[^']*)'", guide)
    assert edit is not None
    backup = container_of(dict(pod_templates(manifests))["backup"])["command"][-1]
    made = subprocess.run(
        ["sed", edit[1]], input=backup, capture_output=True, text=True, check=True
    )
    assert made.stdout == "exec python -m launcher.backup restore /backups/NAME --replace"


def test_every_service_is_scraped_under_its_own_name() -> None:
    manifests = rendered("production")
    services = of_kind(manifests, "Service")
    monitors = of_kind(manifests, "ServiceMonitor")
    assert monitors.keys() == MIGRATED.keys()
    for service, monitor in [*zip(MIGRATED, MIGRATED, strict=True), (TRAINING, "ml-engine")]:
        spec, labels = monitors[monitor]["spec"], services[service]["metadata"]["labels"]
        assert covers(spec["selector"], labels)
        assert labels[spec["jobLabel"]] == monitor
        (endpoint,) = spec["endpoints"]
        assert endpoint["port"] in {port["name"] for port in services[service]["spec"]["ports"]}
