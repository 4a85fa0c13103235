"""Writes the dashboards: `python -m stack.dashboards [--check]`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from stack.dashboards import board
from stack.dashboards.pages import PAGES

FOLDER: Final = Path("observability/grafana/dashboards")


def render() -> dict[str, str]:
    """The files by name."""
    return {f"{page.uid}.json": _text(page) for page in (make() for make in PAGES)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files; with `--check` write nothing and answer 1 where one differs."""
    parser = argparse.ArgumentParser(
        prog="python -m stack.dashboards", description=f"Writes {FOLDER}."
    )
    parser.add_argument("--check", action="store_true", help="fail where a file is not current")
    parser.add_argument("--output", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    if options.check:
        return _check(options.output)
    options.output.mkdir(parents=True, exist_ok=True)
    files = render()
    for path in options.output.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (options.output / name).write_text(text, encoding="utf-8")
    return 0


def _check(folder: Path) -> int:
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    files = render()
    stale = sorted(
        name for name in found.keys() | files.keys() if found.get(name) != files.get(name)
    )
    for name in stale:
        sys.stderr.write(f"{folder / name} is not current: run `python -m stack.dashboards`\n")
    return 1 if stale else 0


def _text(page: board.Page) -> str:
    text = json.dumps(board.build(page), cls=JSONEncoder, indent=2, sort_keys=True)
    return f"{text}\n"


if __name__ == "__main__":
    sys.exit(main())
