"""Profiles of a service: `python -m launcher.profiling cpu|memory SERVICE`.

`cpu` samples the running process with py-spy, which needs the right to trace it: root, or a
kernel with `kernel.yama.ptrace_scope=0`. `memory` needs no right: it runs the service by itself
under memray, on the data of `make run`, which must not run meanwhile.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

from launcher.service_logs import SERVICES

OUTPUT: Final = Path(".data/profiles")
_STOP_SECONDS: Final = 30.0


class ProfilingError(Exception):
    """There is nothing to profile, or the profiler failed; the message is one line."""


def profile_cpu(service: str, seconds: int, folder: Path) -> Path:
    """A flame graph, as SVG, of the running service. Raises `ProfilingError`."""
    svg = folder / f"{service}-cpu.svg"
    tool = Path(sys.executable).with_name("py-spy")
    command = [str(tool), "record", "--pid", str(_process_of(service)), "--output", str(svg)]
    _run([*command, "--duration", str(seconds), "--nonblocking"])
    return svg


def profile_memory(service: str, seconds: int, folder: Path) -> Path:
    """A flame graph, as HTML, of what the service holds at its peak. Raises `ProfilingError`."""
    records, html = folder / f"{service}-memory.bin", folder / f"{service}-memory.html"
    memray = [sys.executable, "-m", "memray"]
    run = [*memray, "run", "--force", "--output", str(records), "-m", f"{_module_of(service)}.main"]
    token = os.environ.get("SERVICE_TOKEN") or "a-token-for-profiling-alone"
    process = subprocess.Popen(run, env={**os.environ, "SERVICE_TOKEN": token})  # noqa: S603
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait(_STOP_SECONDS)
    else:
        raise ProfilingError(f"{service} ended by itself with status {code}: does it run already?")
    _run([*memray, "flamegraph", "--force", "--output", str(html), str(records)])
    return html


def _module_of(service: str) -> str:
    return service.replace("-", "_")


def _process_of(service: str) -> int:
    wanted = f"{_module_of(service)}.main"
    for process in psutil.process_iter(["cmdline"]):
        # The shell of honcho names it too, in one long argument.
        if wanted in (process.info["cmdline"] or []):
            return process.pid
    raise ProfilingError(f"{service} does not run on this machine: start it with `make run`")


def _run(command: Sequence[str]) -> None:
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603 - our own tools
        raise ProfilingError(f"{Path(command[0]).name} failed: what it wrote stands above")


def main(arguments: Sequence[str] | None = None) -> int:
    """Profile, and write where the graph is; status 1 where it failed."""
    parser = argparse.ArgumentParser(prog="python -m launcher.profiling")
    parser.add_argument("what", choices=("cpu", "memory"))
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args(arguments)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    profile = profile_cpu if options.what == "cpu" else profile_memory
    try:
        path = profile(options.service, options.seconds, OUTPUT)
    except ProfilingError as error:
        sys.stderr.write(f"cannot profile: {error}\n")
        return 1
    sys.stdout.write(f"wrote {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
