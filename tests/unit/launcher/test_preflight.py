"""What is checked before anything starts, each failure in one line."""

import os
import shutil
import socket
from collections.abc import Generator
from pathlib import Path

import pytest

from launcher.errors import LaunchError
from launcher.preflight import check_data_dir, check_port


@pytest.fixture
def listener() -> Generator[socket.socket]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


def test_a_port_in_use_is_named_with_the_process_that_holds_it(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with pytest.raises(LaunchError) as caught:
        check_port("backend-api", "BACKEND_API_PORT", "127.0.0.1", port)
    message = str(caught.value)
    assert message.startswith(f"port {port} for backend-api is in use by process {os.getpid()} (")
    assert message.endswith("stop that, or set BACKEND_API_PORT")
    assert "\n" not in message


def test_a_free_port_passes(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    check_port("backend-api", "BACKEND_API_PORT", "127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_this_machines_is_refused(host: str) -> None:
    with pytest.raises(LaunchError, match="HOST"):
        check_port("backend-api", "BACKEND_API_PORT", host, 8000)


def test_the_data_folder_is_made(tmp_path: Path) -> None:
    check_data_dir(tmp_path / "new" / "data", 0)
    assert list((tmp_path / "new" / "data").iterdir()) == []


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.touch()
    with pytest.raises(LaunchError, match=r"DATA_DIR=.*data cannot be written"):
        check_data_dir(path, 0)


def test_a_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=120 * 2**20))
    with pytest.raises(LaunchError, match="has 120 MB free, of 500 MB needed"):
        check_data_dir(tmp_path, 500)
    check_data_dir(tmp_path, 120)
