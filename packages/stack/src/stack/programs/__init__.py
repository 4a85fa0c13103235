"""The real programs of the stack, started on loopback with the configuration of this repository.

`running.py` starts all of them; each program has a module that renders its configuration, starts
it and asks it. `python -m stack.programs` runs them beside the services: `make observe`.
"""

from stack.programs.collector import Sampling
from stack.programs.executables import ProgramMissing
from stack.programs.paces import Pace
from stack.programs.ports import Ports
from stack.programs.processes import ProgramFailed
from stack.programs.running import Stack, running_stack

__all__ = [
    "Pace",
    "Ports",
    "ProgramFailed",
    "ProgramMissing",
    "Sampling",
    "Stack",
    "running_stack",
]
