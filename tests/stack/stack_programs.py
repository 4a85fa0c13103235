"""The programs of the observability stack that tests call."""

import os
import shutil
import subprocess

import pytest


def program(name: str) -> str:
    """The path of a program; the test is skipped where there is none."""
    found = shutil.which(name, path=os.environ.get("STACK_BIN", os.environ.get("PATH")))
    if found is None:
        pytest.skip(f"{name} is neither in STACK_BIN nor on the PATH")
    return found


def output_of(name: str, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """What a program says; it has to end well."""
    done = subprocess.run(
        [program(name), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=None if environment is None else {**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
