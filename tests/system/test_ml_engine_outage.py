"""ml-engine goes away under load: answers go on, labelled, and are personal again afterwards."""

import signal
import sys
import time
from collections.abc import Generator, Iterable

import httpx2
import pytest
from benchmarks.serving.load import post
from benchmarks.serving.steady_load import Answered, percentile, steady_load
from tests.system.processes import System, running_system, stocked_shop

pytestmark = [pytest.mark.slow, pytest.mark.measuring, pytest.mark.timeout(300)]

PER_SECOND = 100
BOUND_SECONDS = 0.25
"""By how much an outage may lengthen what a request takes on this machine without one."""
QUIET_SECONDS = 2.0
RECOVERY_SECONDS = 10.0
USERS = 50


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Generator[System]:
    with running_system(tmp_path_factory.mktemp("outage")) as system:
        yield system


@pytest.fixture(scope="module")
def key(system: System) -> str:
    return stocked_shop(system)


def requests(key: str) -> list[bytes]:
    return [
        post("127.0.0.1", "/api/v1/recommendations", key, b'{"user_id":"u%d"}' % user)
        for user in range(1, USERS + 1)
    ]


def is_personal(answer: Answered) -> bool:
    return answer.status == 200 and answer.body["degraded"] is None


def is_degraded(answer: Answered) -> bool:
    return answer.status == 200 and answer.body["degraded"] is not None


def metric(system: System, name: str) -> float:
    text = httpx2.get(f"{system.url('backend-api')}/metrics").text
    lines = [line for line in text.splitlines() if line.startswith(name)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def p99(answers: Iterable[Answered]) -> float:
    return percentile([one.seconds for one in answers], 99)


@pytest.mark.parametrize("fault", ["killed", "hanging"])
def test_answers_go_on_and_are_personal_again(system: System, key: str, fault: str) -> None:
    degraded_before = metric(system, "recommendations_degraded_total")
    with steady_load(system.ports["backend-api"], requests(key), PER_SECOND) as load:
        warm = load.wait_for(is_personal, since=1.0, seconds=20).due
        load.wait_for(is_personal, since=warm + QUIET_SECONDS, seconds=20)
        away = load.now()
        if fault == "killed":
            system.kill("ml-engine")
        else:
            system.signal("ml-engine", signal.SIGSTOP)
        load.wait_for(is_degraded, since=away, seconds=2)
        time.sleep(5)  # Five seconds of outage are what is measured here.
        returning = load.now()
        if fault == "killed":
            system.start("ml-engine")
        else:
            system.signal("ml-engine", signal.SIGCONT)
        back = load.now()
        first = load.wait_for(is_personal, since=back, seconds=RECOVERY_SECONDS)
    during = [one for one in load.answers if away <= one.due < returning]
    before = [one for one in load.answers if warm <= one.due < away]
    assert {one.status for one in load.answers} == {200}
    slowest = max(one.seconds for one in during)
    sys.stdout.write(
        f"\nml-engine {fault}: {len(during)} requests without it, p99 {p99(during) * 1000:.0f} ms "
        f"({p99(before) * 1000:.0f} ms before), slowest {slowest * 1000:.0f} ms; "
        f"personal again {first.due - back:.1f} s after its return\n"
    )
    assert p99(during) < p99(before) + BOUND_SECONDS
    assert all(is_degraded(one) for one in during if one.due > away + 1)
    assert metric(system, "recommendations_degraded_total") > degraded_before
