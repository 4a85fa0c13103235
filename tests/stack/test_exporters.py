"""Debian's exporters show this machine and a Redis."""

from pathlib import Path

import anyio
import pytest
from tests.redis_server import RedisServer
from tests.stack.stack_programs import program

from stack.programs.exporters import NODE_EXPORTER, REDIS_EXPORTER, NodeExporter, RedisExporter
from stack.programs.exposition import scrape
from stack.programs.ports import Ports
from stack.programs.running import running


def test_the_host_is_measured(tmp_path: Path) -> None:
    program(NODE_EXPORTER)
    exporter = NodeExporter(tmp_path, Ports.free())
    with running(exporter):
        shown = scrape(f"{exporter.url}/metrics")
    assert shown["node_memory_MemTotal_bytes"] > 0
    assert shown["node_cpu_seconds_total"] > 0


def test_a_redis_that_is_away_is_shown_as_down(tmp_path: Path) -> None:
    program(REDIS_EXPORTER)
    redis = RedisServer(tmp_path)
    anyio.run(redis.start)
    exporter = RedisExporter(tmp_path, Ports.free(), redis.url)
    try:
        with running(exporter):
            assert scrape(f"{exporter.url}/metrics")["redis_up"] == 1
            redis.kill()
            assert scrape(f"{exporter.url}/metrics")["redis_up"] == 0
    finally:
        redis.kill()


def test_a_missing_exporter_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("STACK_BIN", raising=False)
    with pytest.raises(pytest.skip.Exception, match=NODE_EXPORTER):
        program(NODE_EXPORTER)
