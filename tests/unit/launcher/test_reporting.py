"""What a person sees: plain lines in a file, bars in a terminal."""

import io
import re

import pytest
from rich.console import Console

from launcher.reporting import PlainReporter, TerminalReporter, reporter_for


def test_outside_a_terminal_a_step_is_a_few_plain_lines() -> None:
    stream = io.StringIO()
    with reporter_for(stream).step("Loading the events", 100, "events") as tracker:
        for done in range(1, 101):
            tracker.update(done)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "Loading the events"
    assert re.fullmatch(r"Loading the events: done in \d+\.\d s", lines[-1])
    assert len(lines) == 2


def test_a_new_stage_is_a_new_line() -> None:
    stream = io.StringIO()
    with PlainReporter(stream).step("Training", 1.0) as tracker:
        for done, stage in [(0.0, "data loading"), (0.1, "data loading"), (0.5, "training")]:
            tracker.update(done, stage)
    assert stream.getvalue().splitlines()[1:3] == [
        "Training: 0%, data loading",
        "Training: 50%, training",
    ]


def test_a_step_that_fails_is_not_called_done() -> None:
    stream = io.StringIO()
    with pytest.raises(ZeroDivisionError), PlainReporter(stream).step("Loading", 1.0):
        _ = 1 / 0
    assert "done" not in stream.getvalue()


def test_in_a_terminal_a_bar_shows_what_is_done() -> None:
    stream = io.StringIO()
    reporter = TerminalReporter(Console(file=stream, force_terminal=True, width=120))
    with reporter.step("Loading the events", 2_000, "events") as tracker:
        tracker.update(1_000, "half [way]")
    assert "2,000/2,000 events" in stream.getvalue()
    assert "100%" in stream.getvalue()


def test_a_line_is_printed_as_it_is_however_long() -> None:
    stream = io.StringIO()
    text = "curl [bold] " + "x" * 300
    TerminalReporter(Console(file=stream, width=80)).line(text)
    assert stream.getvalue() == text + "\n"
