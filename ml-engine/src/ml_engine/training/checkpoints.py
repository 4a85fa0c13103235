"""What earlier attempts at a job have found out, so that another one need not again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Found = dict[str, Any]
"""What a step of training has found, as JSON has it."""

Keep = Callable[[str, Found], None]
"""Keeps what a step, by name, has found."""


class Checkpoints:
    """The steps of a job that are done, by any of its attempts with the same code."""

    def __init__(self, kept: Mapping[str, Found], keep: Keep, code_version: str) -> None:
        """`kept` is what earlier attempts gave to `keep`."""
        self._kept = dict(kept)
        self._keep = keep
        self._code_version = code_version

    @classmethod
    def in_memory(cls) -> Checkpoints:
        """Of work that nobody would go on with."""
        return cls({}, lambda *_: None, "")

    def found(self, step: str) -> Found | None:
        """What the step has found, None where it has to be done."""
        return self._kept.get(self._name(step))

    def add(self, step: str, found: Found) -> None:
        """The step is done."""
        self._kept[self._name(step)] = found
        self._keep(self._name(step), found)

    def _name(self, step: str) -> str:
        # Other code may find something else, or call it otherwise.
        return f"{self._code_version}/{step}"
