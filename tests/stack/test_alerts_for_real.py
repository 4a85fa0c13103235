"""Real faults of real services are noticed, told to whom they concern, and over when mended.

The rules are those of the repository; their waits and windows are shortened, their limits are not.
"""

import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Final

import psutil
import pytest
from tests.stack import service_faults as services
from tests.stack import surrounding_faults as surroundings
from tests.stack.alert_watch import Watch, Watched, called
from tests.stack.alerts_not_made import NOT_MADE
from tests.stack.faulty_world import World, running_world
from tests.stack.test_alert_rules import RULES, alerts

from stack.programs import ProgramMissing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Fault = Callable[[World], AbstractContextManager[Callable[[], object]]]


@dataclass(frozen=True, slots=True)
class Made:
    """A fault, and by service the alerts that are told of it and those that are inhibited."""

    fault: Fault
    told: Mapping[str, str]
    inhibited: Mapping[str, str] = field(default_factory=dict[str, str])
    settles: bool = True

    def watched(self) -> list[Watched]:
        settles = self.settles
        told = [Watched(*one, inhibited=False, settles=settles) for one in self.told.items()]
        kept = [Watched(*one, inhibited=True, settles=settles) for one in self.inhibited.items()]
        return [*told, *kept]


HAS_SPACE: Final = psutil.disk_usage("/").free > 0.2 * psutil.disk_usage("/").total
# Faults at the same time are of different services, so that no alert inhibits another's.
MADE: Final[Mapping[str, Sequence[Made]]] = {
    "warnings": [
        Made(services.limit_exceeded, {"HighRateLimitExceeded": "backend-api"}),
        Made(services.training_without_data, {"ModelTrainingFailed": "ml-engine"}),
        Made(services.bad_records, {"QuarantineRateHigh": "data-pipeline"}),
        Made(
            services.replica_gone,
            {"ServiceReplicaDown": "ml-engine"},
            {"PrometheusTargetDown": "ml-engine"},
        ),
        Made(surroundings.exporter_killed, {"PrometheusTargetDown": "redis-exporter"}),
        Made(surroundings.jaeger_killed, {"ObservabilityProgramDown": "jaeger"}),
        Made(surroundings.old_log_lines, {"LokiDiscardsLogs": "loki"}),
        Made(surroundings.secrets_let_slip, {"CollectorDroppedSecret": "collector"}),
        Made(services.file_spoilt, {"ETLJobFailure": "data-pipeline"}),
    ],
    "stores": [
        Made(surroundings.redis_killed, {"RedisDown": "redis"}),
        Made(surroundings.postgres_killed, {"DatabaseDown": "postgresql"}),
        Made(surroundings.configuration_broken, {"ConfigReloadFailed": "prometheus"}),
    ],
    "host": [
        # This machine's own disk may be low, and others may use its processors as well.
        Made(surroundings.disk_filled, {"DiskSpaceLow": "host"}, settles=HAS_SPACE),
        Made(surroundings.processors_busy, {"HighCPUUsage": "host"}, settles=False),
    ],
    "objects": [
        Made(
            services.objects_lost,
            {"MLEngineHighErrorRate": "ml-engine", "HighErrorRate": "data-pipeline"},
            {"HealthCheckFailing": "ml-engine", "ETLJobFailure": "data-pipeline"},
        )
    ],
    "killed": [
        Made(
            services.pipeline_killed,
            {
                "ServiceDown": "data-pipeline",
                "HighErrorRate": "backend-api",
                "SLOErrorBudgetBurnFast": "backend-api",
            },
            {
                "PrometheusTargetDown": "data-pipeline",
                "SLOErrorBudgetBurnSlow": "backend-api",
                "CircuitOpen": "backend-api",
            },
        ),
        Made(
            services.engine_killed,
            {"ServiceDown": "ml-engine"},
            {"RecommendationsDegraded": "ml-engine", "PrometheusTargetDown": "ml-engine"},
        ),
    ],
    "pipeline-hesitates": [
        Made(services.pipeline_hesitates, {"HighLatencyP95": "backend-api"}),
    ],
    "topic-filled": [
        Made(services.topic_filled, {"DataPipelineProcessingLag": "data-pipeline"}),
        Made(services.unknown_items, {"CacheHitRateLow": "ml-engine"}),
    ],
    "nobody-to-tell": [
        Made(surroundings.alertmanager_killed, {"PrometheusNotificationsFailing": "prometheus"}),
    ],
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    if "ALERT_TEST" not in os.environ:
        pytest.skip("real faults need a machine that does nothing else: make alert-test")
    try:
        with running_world(tmp_path_factory.mktemp("world")) as world:
            yield world
    except ProgramMissing as missing:
        pytest.skip(str(missing))


def test_every_alert_is_made_for_real_or_it_is_said_why_not() -> None:
    named = {alert["alert"] for path in RULES for alert in alerts(path)}
    made = {
        alert
        for faults in MADE.values()
        for one in faults
        for alert in {**one.told, **one.inhibited}
    }
    assert made.isdisjoint(NOT_MADE)
    assert made | NOT_MADE.keys() == named


def test_the_dead_mans_switch_is_told_without_a_fault(world: World) -> None:
    note = world.stack.receivers.wait_for(lambda note: note.receiver == "dead-mans-switch")
    (alert,) = note.body["alerts"]
    assert (alert["labels"]["alertname"], alert["status"]) == ("Watchdog", "firing")


@pytest.mark.parametrize("stage", MADE)
def test_a_fault_is_noticed_told_and_over_when_mended(world: World, stage: str) -> None:
    with ExitStack() as faults:
        made = MADE[stage]
        watch = Watch(world.stack, *(watched for one in made for watched in one.watched()))
        calls = [faults.enter_context(one.fault(world)) for one in made]
        with called(*calls):
            watch.until_told()
        watch.mended()
    watch.until_resolved()
    for watched in watch.watched:
        sys.stdout.write(f"\n{watched}")
