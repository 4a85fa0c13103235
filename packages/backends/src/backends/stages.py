"""Timed stages: what the pipelines return of where their time went."""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass


@dataclass(slots=True)
class Stage:
    """One step of a pipeline; times are Unix nanoseconds, `parent` names the stage around it.

    `attributes` are what its span says beside.
    """

    name: str
    start_ns: int
    end_ns: int
    parent: str | None
    attributes: Mapping[str, str | float] | None = None

    @property
    def seconds(self) -> float:
        """How long the stage took."""
        return (self.end_ns - self.start_ns) / 1e9


class StageClock:
    """Times nested stages, in the order in which they began."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self._open: list[str] = []

    def stage(self, name: str) -> AbstractContextManager[Stage]:
        """Time a block as a stage of the one around it."""
        return _Timing(self.stages, self._open, name)


class _Timing:
    """Times one block: a class, since a generator's context manager takes three times as long."""

    __slots__ = ("_name", "_open", "_stage", "_stages")

    def __init__(self, stages: list[Stage], around: list[str], name: str) -> None:
        self._stages = stages
        self._open = around
        self._name = name

    def __enter__(self) -> Stage:
        parent = self._open[-1] if self._open else None
        self._stage = Stage(self._name, time.time_ns(), 0, parent)
        self._stages.append(self._stage)
        self._open.append(self._name)
        return self._stage

    def __exit__(self, *_: object) -> None:
        self._stage.end_ns = time.time_ns()
        self._open.pop()
