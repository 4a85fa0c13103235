"""No request, however odd, gets an answer that is not documented: schemathesis over each API.

`FUZZ_CASES` is how many cases each operation gets in the fuzzing phase; the others add their own.
`FUZZ_SEED` makes another choice of them.
"""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.contract.fuzzing import fuzz
from tests.system.processes import System, running_system
from tests.system.test_isolation import own_everything

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ENDS_KEYS = "/keys/{key_id}"
CASES = int(os.environ.get("FUZZ_CASES", "5"))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Generator[System]:
    with running_system(tmp_path_factory.mktemp("fuzzing"), LOG_LEVEL="WARNING") as system:
        yield system


@pytest.fixture(scope="module")
def tenant_key(system: System) -> str:
    return system.new_tenant("fuzzed", plan_id="enterprise")


@pytest.fixture(scope="module")
def ids(system: System, tenant_key: str) -> dict[str, list[str]]:
    with system.recommender(tenant_key) as client:
        own = own_everything(client)
    several = {"item_id": [f"own-{n}" for n in range(8)], "user_id": ["own-user-2", "own-user-3"]}
    models = {name: [own["model_version"]] for name in ("baseline", "candidate")}
    single = {name: [value] for name, value in own.items()}
    return single | several | models | {"tenant_id": ["fuzzed"]}


def test_what_tenants_call_answers_as_documented(
    system: System, tenant_key: str, ids: dict[str, list[str]], tmp_path: Path
) -> None:
    cases = fuzz(
        system.url("backend-api"),
        tenant_key,
        tmp_path,
        f"--exclude-path-regex=/admin/|{ENDS_KEYS}",
        ids=ids,
        cases_per_operation=CASES,
    )
    print(f"\n{cases} cases on what tenants call")  # noqa: T201
    assert cases > 1_000


def test_ending_a_key_answers_as_documented(
    system: System, ids: dict[str, list[str]], tmp_path: Path
) -> None:
    # A tenant of its own: what ends keys may well end the one that is used.
    cases = fuzz(
        system.url("backend-api"),
        system.new_tenant("locked-out"),
        tmp_path,
        f"--include-path-regex={ENDS_KEYS}",
        ids=ids,
        cases_per_operation=CASES,
    )
    assert cases > 50


def test_what_operators_call_answers_as_documented(
    system: System, ids: dict[str, list[str]], tmp_path: Path
) -> None:
    system.new_tenant("played-with")
    cases = fuzz(
        system.url("backend-api"),
        system.operator_key,
        tmp_path,
        "--include-path-regex=/admin/",
        ids=ids | {"tenant_id": ["played-with"]},
        cases_per_operation=CASES,
    )
    print(f"\n{cases} cases on what operators call")  # noqa: T201
    assert cases > 100


@pytest.mark.parametrize("service", ["data-pipeline", "ml-engine"])
def test_what_services_call_answers_as_documented(
    system: System, ids: dict[str, list[str]], tmp_path: Path, service: str
) -> None:
    cases = fuzz(
        system.url(service),
        system.service_token,
        tmp_path,
        ids=ids | {"tenant": ["fuzzed"]},
        cases_per_operation=CASES,
    )
    print(f"\n{cases} cases on {service}")  # noqa: T201
    assert cases > 100
