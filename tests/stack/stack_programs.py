"""The programs of the observability stack that tests call."""

import os
import subprocess

import pytest

from stack.programs.executables import ProgramMissing, need


def program(name: str) -> str:
    """The path of a program; the test is skipped where there is none."""
    try:
        return need(name)
    except ProgramMissing as missing:
        pytest.skip(str(missing))


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
