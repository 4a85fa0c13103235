"""`make run` for real: three processes, the sample, a model, an answer; crashes and a clean end.

All tests share one machine and run in the order in which they stand here.
"""

import json
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Generator

import psutil
import pytest
from tests.e2e.launched import READY, SERVICES, SMALL_WORLD, Machine

from recommender_client import new_event
from recommender_client.models import BatchResult, Event, RecommendedItem

pytestmark = pytest.mark.timeout(300)

USERS = ("u1", "u2", "u3")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Machine]:
    """A machine whose first run was interrupted while the model was trained; it runs again."""
    machine = Machine(tmp_path_factory.mktemp("e2e") / "data", SMALL_WORLD)
    try:
        machine.launch().wait_for("Training a two-tower model")
        assert machine.running.interrupt(signal.SIGTERM) == 0, machine.running.output()
        machine.launch().wait_for(READY)
        yield machine
    finally:
        machine.clean_up()


def answers(machine: Machine) -> list[tuple[str, list[RecommendedItem]]]:
    asked = [machine.for_user(user) for user in USERS]
    return [(one.model_version, one.items) for one in asked]


def stored_events(machine: Machine) -> int:
    return machine.snapshot().events.rows


def events_of(user: str, items: range) -> list[Event]:
    return [new_event(user, f"i{item}", "rating", value=9) for item in items]


def send(machine: Machine, events: list[Event]) -> BatchResult:
    with machine.client() as client:
        return client.events.send(events)


@pytest.mark.slow
def test_an_interrupted_first_run_is_taken_up_without_loading_again(machine: Machine) -> None:
    assert "Loading" not in machine.running.output()
    noted = json.loads((machine.data_dir / "demo.json").read_text())
    assert stored_events(machine) == noted["events"]


def test_the_printed_curl_answers_ten_items(machine: Machine) -> None:
    line = next(one for one in machine.running.output().splitlines() if "curl" in one)
    answer = subprocess.run(shlex.split(line), capture_output=True, text=True, check=True)
    body = json.loads(answer.stdout)
    assert len({item["item_id"] for item in body["items"]}) == 10
    assert body["algorithm"] == "two-tower"
    assert all(item["reason"] for item in body["items"])


def test_another_user_gets_other_items(machine: Machine) -> None:
    (_, first), (_, second), _ = answers(machine)
    assert [item.item_id for item in first] != [item.item_id for item in second]


def test_an_unknown_user_gets_what_is_popular_labelled_as_that(machine: Machine) -> None:
    unknown = machine.for_user("nobody-yet")
    assert unknown.algorithm == "popularity"
    assert len(unknown.items) == 10


def test_a_history_of_three_items_gets_others_than_these(machine: Machine) -> None:
    answer = machine.for_history("i1", "i2", "i3")
    assert answer.algorithm == "two-tower"
    assert not {item.item_id for item in answer.items} & {"i1", "i2", "i3"}


def test_an_event_changes_the_same_users_next_answer(machine: Machine) -> None:
    top = machine.for_user("u5").items[0].item_id
    assert send(machine, [new_event("u5", top, "rating", value=9)]).accepted == 1
    assert top not in {item.item_id for item in machine.for_user("u5").items}


def test_all_three_listen_on_loopback_only(machine: Machine) -> None:
    for service in SERVICES:
        connections = machine.running.process_of(service).net_connections("tcp")
        listening = {one.laddr for one in connections if one.status == psutil.CONN_LISTEN}
        assert listening == {("127.0.0.1", machine.ports[service])}


def test_every_line_of_the_logs_is_one_json_record(machine: Machine) -> None:
    for service in SERVICES:
        lines = (machine.data_dir / "logs" / f"{service}.log").read_text().splitlines()
        assert {json.loads(line)["service"] for line in lines} == {service}


def test_secrets_are_for_their_owner_alone(machine: Machine) -> None:
    for name in ("service-token", "demo.env"):
        assert (machine.data_dir / name).stat().st_mode & 0o777 == 0o600


def test_a_port_in_use_is_named_with_its_holder(machine: Machine) -> None:
    answer = machine.run_to_its_end()
    port = machine.ports["backend-api"]
    holder = machine.running.process_of("backend-api").pid
    assert answer.returncode == 1
    expected = rf"cannot go on: port {port} for backend-api is in use by process {holder} .*\n"
    assert re.fullmatch(expected, answer.stderr)


@pytest.mark.parametrize(
    "service",
    [
        one if one == "data-pipeline" else pytest.param(one, marks=pytest.mark.slow)
        for one in SERVICES
    ],
)
@pytest.mark.slow
def test_a_killed_service_ends_the_run_and_the_next_one_has_lost_and_doubled_nothing(
    machine: Machine, service: str
) -> None:
    sent = events_of(f"new-{service}", range(1, 21))
    before, stored = answers(machine), stored_events(machine)
    assert send(machine, sent).accepted == len(sent)
    machine.running.process_of(service).kill()
    assert machine.running.wait_for_the_end() == 1
    last = machine.running.output().splitlines()[-1]
    assert last.startswith(f"cannot go on: {service} was ended by SIGKILL")
    assert last.endswith(f"its log is {machine.data_dir}/logs/{service}.log")

    machine.launch().wait_for(READY)
    assert answers(machine) == before
    assert stored_events(machine) == stored + len(sent)
    again = send(machine, sent)
    assert (again.accepted, again.duplicates) == (0, len(sent))


def test_ctrl_c_stops_everything_and_a_later_make_run_trains_and_loads_nothing(
    machine: Machine,
) -> None:
    before = answers(machine)
    family = machine.running.processes()
    started = time.monotonic()
    assert machine.running.interrupt(signal.SIGINT) == 0
    assert time.monotonic() - started < 15
    assert machine.running.output().endswith("Stopping the services\n")
    assert [one for one in family if one.is_running()] == []

    machine.launch("make", "run").wait_for(READY)
    assert "Training" not in machine.running.output()
    assert "Loading" not in machine.running.output()
    assert answers(machine) == before


def test_ctrl_c_on_make_run_leaves_no_process_behind(machine: Machine) -> None:
    family = machine.running.processes()
    machine.running.interrupt(signal.SIGINT)
    _, alive = psutil.wait_procs(family, timeout=15)
    assert alive == []


def test_a_broken_sample_ends_the_run_before_anything_is_started(machine: Machine) -> None:
    fresh = machine.data_dir.with_name("fresh")
    broken = fresh.with_name("sample")
    broken.mkdir()
    (broken / "ratings.dat").write_text("1::2::3::4\n")
    (broken / "movies.dat").write_text("2::A film (2000)::Drama\n")
    settings = {"DATA_DIR": str(fresh), "DATASET_DIR": str(broken), "SAMPLE": "auto"}
    answer = machine.run_to_its_end(**settings)
    assert answer.returncode == 1
    expected = rf"cannot go on: sample file {broken}/ratings\.dat is broken: .*sha256.*\n"
    assert re.fullmatch(expected, answer.stderr)
    assert not (fresh / "logs").exists()


def test_a_service_that_cannot_start_is_named_with_its_last_error(machine: Machine) -> None:
    answer = machine.run_to_its_end(DB_POOL_SIZE="none")
    assert answer.returncode == 1
    assert re.search(r"^cannot go on: \S+ ended .*DB_POOL_SIZE.*\n\Z", answer.stderr)
