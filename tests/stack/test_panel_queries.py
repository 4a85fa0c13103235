"""The real programs can read every query of every panel."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.stack.stack_programs import program

from stack.dashboards.queries import PanelQuery, panel_queries
from stack.programs.loki import Loki
from stack.programs.ports import Ports
from stack.programs.running import running


def queries(language: str) -> list[PanelQuery]:
    return [query for query in panel_queries() if query.language == language]


@pytest.fixture(scope="module")
def loki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loki]:
    program("loki")
    started = Loki(tmp_path_factory.mktemp("loki"), Ports.free())
    with running(started):
        yield started


def test_prometheus_reads_every_query(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:query:{number}", "expr": query.expression}
        for number, query in enumerate(queries("promql"))
    ]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    command = [program("promtool"), "check", "rules", "--lint=none", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


def test_loki_reads_every_query(loki: Loki) -> None:
    asked = queries("logql")
    assert asked
    for query in asked:
        answer = loki.client.get("/loki/api/v1/format_query", params={"query": query.expression})
        assert answer.is_success, f"{query.dashboard}, {query.panel}: {answer.text}"
        # Reading is not yet running: an unknown stage or a wrong type is told only here.
        over = {"query": query.expression, "since": "1h", "step": "60s"}
        answer = loki.client.get("/loki/api/v1/query_range", params=over)
        assert answer.is_success, f"{query.dashboard}, {query.panel}: {answer.text}"
