"""What must hold before anything is started."""

import errno
import os
import shutil
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from launcher.errors import LaunchError

_SHOWN: Final = 80


def check_data_dir(data_dir: Path, min_free_mb: int) -> None:
    """Raise `LaunchError` where the folder cannot be written, or its disk is as good as full."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        raise LaunchError(
            f"DATA_DIR={data_dir} cannot be written ({error.strerror}): "
            "make it writable, or set DATA_DIR to another folder"
        ) from error
    free_mb = shutil.disk_usage(data_dir).free // 2**20
    if free_mb < min_free_mb:
        raise LaunchError(
            f"DATA_DIR={data_dir} has {free_mb} MB free, of {min_free_mb} MB needed: "
            "free some space, or set DATA_DIR to a folder on another disk"
        )


def check_port(service: str, variable: str, host: str, port: int) -> None:
    """Raise `LaunchError` where `service` could not listen on the port."""
    try:
        with _socket(host) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except socket.gaierror as error:
        raise LaunchError(f"HOST={host} is no address of this machine: {error.strerror}") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"is in use{_holder(port)}: stop that"
        else:
            reason = f"on {host} cannot be opened ({os.strerror(error.errno or 0)}): change HOST"
        raise LaunchError(f"port {port} for {service} {reason}, or set {variable}") from error


def _socket(host: str) -> socket.socket:
    family = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]
    return socket.socket(family, socket.SOCK_STREAM)


def _holder(port: int) -> str:
    """Who listens on the port, as far as this user may know."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            local = connection.laddr
            listens = connection.status == psutil.CONN_LISTEN and local and local.port == port
            if listens and connection.pid:
                command = " ".join(psutil.Process(connection.pid).cmdline())
                return f" by process {connection.pid} ({command[:_SHOWN]})"
    return ""
