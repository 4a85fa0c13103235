"""The command line of the modules that write a page of docs/ from the code."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path


def write_page(
    render: Callable[[], str], output: Path, module: str, arguments: Sequence[str] | None = None
) -> int:
    """Write the page; with `--check` write nothing and answer 1 where it differs.

    `output` is where it goes unless `--output` says otherwise, `module` the one that is run.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=f"Writes {output}.")
    parser.add_argument("--check", action="store_true", help="fail where the page is not current")
    parser.add_argument("--output", type=Path, default=output)
    options = parser.parse_args(arguments)
    page = render()
    if not options.check:
        options.output.write_text(page, encoding="utf-8")
        return 0
    if options.output.exists() and options.output.read_text(encoding="utf-8") == page:
        return 0
    sys.stderr.write(f"{options.output} is not current: run `python -m {module}`\n")
    return 1
