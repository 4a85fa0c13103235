"""The processes that train."""

import os
from contextlib import suppress

import psutil


def training_processes(engine_pid: int | None = None) -> list[psutil.Process]:
    """Those of an ml-engine, by default of the one in this process."""
    found: list[psutil.Process] = []
    for child in psutil.Process(engine_pid or os.getpid()).children(recursive=True):
        # One that has ended meanwhile has no command line any more.
        with suppress(psutil.NoSuchProcess):
            if "ml_engine.training.worker" in " ".join(child.cmdline()):
                found.append(child)
    return found
