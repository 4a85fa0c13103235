"""Programs are found, started, waited for and ended; what is missing is named."""

import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.real_processes import free_port

from stack.programs import ports as stack_ports
from stack.programs.configuration import put
from stack.programs.executables import ProgramMissing, find, need
from stack.programs.ports import Ports, PortTaken, free_ports
from stack.programs.processes import Program, ProgramFailed

SERVER = """
import sys
from http.server import SimpleHTTPRequestHandler, test
test(SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""


class WebServer(Program):
    def __init__(self, folder: Path, script: str = SERVER) -> None:
        self._port = free_port()
        self._script = script
        super().__init__("web", folder, self._port, "/")

    def command(self) -> Sequence[str]:
        return [sys.executable, "-c", self._script, str(self._port)]


def executable(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_program_in_stack_bin_goes_before_one_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("path", "stack"):
        (tmp_path / folder).mkdir()
        executable(tmp_path / folder, "loki")
    executable(tmp_path / "path", "node")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("STACK_BIN", str(tmp_path / "stack"))
    assert find("loki") == str(tmp_path / "stack" / "loki")
    assert find("node") == str(tmp_path / "path" / "node")


@pytest.mark.parametrize(
    ("name", "way"), [("loki", "STACK_BIN"), ("prometheus-node-exporter", "Debian's")]
)
def test_a_missing_program_is_named_with_the_way_to_it(
    name: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("STACK_BIN", raising=False)
    with pytest.raises(ProgramMissing, match=rf"^{name} is missing: .*{way}"):
        need(name)


def test_a_program_is_killed_and_started_again_on_its_port(tmp_path: Path) -> None:
    web = WebServer(tmp_path)
    try:
        web.start()
        assert web.client.get("/").is_success
        web.kill()
        assert not web.running
        assert not web.is_ready()
        web.restart()
        assert web.client.get("/").is_success
    finally:
        web.close()
    assert not web.running
    assert "GET /" in web.log()


def test_a_program_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    web = WebServer(tmp_path, "raise SystemExit('no such flag')")
    try:
        with pytest.raises(ProgramFailed, match="no such flag"):
            web.start()
    finally:
        web.close()


def test_a_free_port_is_given_once_and_to_no_connection_that_goes_out() -> None:
    ports = free_ports(50) + free_ports(50)
    assert len(set(ports)) == 100
    assert max(ports) < 32_768


def test_a_port_on_which_somebody_listens_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, following = free_ports(2)
    monkeypatch.setattr(stack_ports, "_UNTRIED", iter([taken, following]))
    with socket.create_server(("127.0.0.1", taken)):
        assert free_ports(1) == [following]


def test_a_taken_port_is_named() -> None:
    ports = Ports.free()
    ports.check_free()
    taken = rf"^port {ports.loki} \(loki\)"
    with pytest.raises(PortTaken, match=taken), socket.create_server(("127.0.0.1", ports.loki)):
        ports.check_free()


def test_a_place_that_the_configuration_lacks_is_an_error() -> None:
    document = {"server": {"port": 1}}
    put(document, "server.port", 2)
    assert document == {"server": {"port": 2}}
    with pytest.raises(KeyError, match=r"server\.address"):
        put(document, "server.address", "x")
