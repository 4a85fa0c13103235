"""The programs of the stack give the metrics that rules ask them for."""

from collections.abc import Generator

import pytest
from tests.real_processes import wait_for
from tests.stack.program_metrics import ALWAYS, SCRAPE
from tests.stack.test_alert_rules import RULES, rules

from stack.programs import Pace, ProgramMissing, Stack, running_stack

PATIENCE_SECONDS = 60.0
# Without a Redis there is no exporter of it.
HERE = sorted(ALWAYS.keys() - {"redis-exporter"})


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    try:
        with running_stack(tmp_path_factory.mktemp("stack"), pace=Pace(interval=1)) as stack:
            yield stack
    except ProgramMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("job", HERE)
def test_a_program_gives_what_rules_ask_it_for(stack: Stack, job: str) -> None:
    def missing() -> frozenset[str]:
        found = stack.prometheus.query(f'group by (__name__) ({{job="{job}"}})')
        return (ALWAYS[job] | SCRAPE) - {one.labels["__name__"] for one in found}

    assert not wait_for(missing, lambda names: not names, PATIENCE_SECONDS)


def test_no_rule_fails_against_what_the_programs_give(stack: Stack) -> None:
    count = sum(len(rules(path)) for path in RULES)
    ask = stack.prometheus.value
    there = "sum(prometheus_rule_group_rules)"
    assert wait_for(lambda: ask(there), lambda found: found is not None, PATIENCE_SECONDS) == count
    evaluated = "min(prometheus_rule_group_last_evaluation_timestamp_seconds)"
    wait_for(lambda: ask(evaluated), bool, 3 * PATIENCE_SECONDS)
    assert stack.prometheus.query("prometheus_rule_evaluation_failures_total > 0") == []
