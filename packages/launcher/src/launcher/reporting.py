"""What the person at the terminal sees: bars in a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, Protocol, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_SECONDS_BETWEEN_LINES: Final = 15.0


class Tracker(Protocol):
    """The progress of one long step."""

    def update(self, completed: float, note: str = "") -> None:
        """Say how much is done, of the step's total, and what is being done."""
        ...


class Reporter(Protocol):
    """Tells what happens."""

    def line(self, text: str) -> None:
        """One line of text."""
        ...

    @contextmanager
    def step(self, title: str, total: float, unit: str = "") -> Generator[Tracker]:
        """A long step; `unit` names what is counted, empty where `total` is only a share."""
        ...


def reporter_for(stream: TextIO = sys.stdout) -> Reporter:
    """Bars where `stream` is a terminal, else plain lines."""
    return TerminalReporter(Console(file=stream)) if stream.isatty() else PlainReporter(stream)


class PlainReporter:
    """A line at a step's start, at its end, at each change of its note, and every 15 seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def line(self, text: str) -> None:
        """Write the line at once."""
        self._stream.write(text + "\n")
        self._stream.flush()

    @contextmanager
    def step(self, title: str, total: float, unit: str = "") -> Generator[Tracker]:
        """Write how it goes, then how long it took."""
        started = time.monotonic()
        self.line(title)
        yield _PlainTracker(self, title, total, unit)
        self.line(f"{title}: done in {time.monotonic() - started:.1f} s")


class _PlainTracker:
    def __init__(self, reporter: PlainReporter, title: str, total: float, unit: str) -> None:
        self._reporter = reporter
        self._title = title
        self._total = total
        self._unit = unit
        self._note = ""
        self._started = self._written = time.monotonic()

    def update(self, completed: float, note: str = "") -> None:
        now = time.monotonic()
        if note == self._note and now - self._written < _SECONDS_BETWEEN_LINES:
            return
        self._note, self._written = note, now
        parts = [f"{completed / self._total:.0%}"]
        if self._unit:
            rate = completed / max(now - self._started, 1e-9)
            parts.append(f"{completed:,.0f} of {self._total:,.0f} {self._unit}")
            parts.append(f"{rate:,.0f} {self._unit}/s")
        if note:
            parts.append(note)
        self._reporter.line(f"{self._title}: {', '.join(parts)}")


class TerminalReporter:
    """One bar per step, with what is done, the rate and the time left."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def line(self, text: str) -> None:
        """Print the text as it is."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str, total: float, unit: str = "") -> Generator[Tracker]:
        """Show a bar until the step ends."""
        columns: list[ProgressColumn] = [
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
        ]
        if unit:
            columns.append(_RateColumn(unit))
        columns += [
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        ]
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(title, total=total, note="")
            yield _BarTracker(progress, task)
            progress.update(task, completed=total, note="")


class _BarTracker:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def update(self, completed: float, note: str = "") -> None:
        self._progress.update(self._task, completed=completed, note=note)


class _RateColumn(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed or 0.0
        return Text(f"{task.completed:,.0f}/{task.total or 0:,.0f} {self._unit} {rate:,.0f}/s")
