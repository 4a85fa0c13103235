"""`python -m stack.slo` writes the rules and docs/slo.md; with `--check` it only compares."""

import sys
from collections.abc import Sequence
from functools import partial

from instrumentation.generated_page import write_page
from stack.places import DOCS, PROMETHEUS
from stack.slo import load_spec, page, rules


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check both; 1 where one is not current."""
    spec = load_spec()
    files = {PROMETHEUS / "rules" / "slo.yml": rules.render, DOCS / "slo.md": page.render}
    return max(
        write_page(partial(render, spec), path, "stack.slo", arguments)
        for path, render in files.items()
    )


if __name__ == "__main__":
    sys.exit(main())
