"""Timed stages: what the pipelines return of where their time went."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Stage:
    """One step of a pipeline; times are Unix nanoseconds, `parent` names the stage around it."""

    name: str
    start_ns: int
    end_ns: int
    parent: str | None

    @property
    def seconds(self) -> float:
        """How long the stage took."""
        return (self.end_ns - self.start_ns) / 1e9


class StageClock:
    """Times nested stages, in the order in which they began."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self._open: list[str] = []

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        """Time a block as a stage of the one around it."""
        stage = Stage(name, time.time_ns(), 0, self._open[-1] if self._open else None)
        self.stages.append(stage)
        self._open.append(name)
        try:
            yield
        finally:
            stage.end_ns = time.time_ns()
            self._open.pop()
