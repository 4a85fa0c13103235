"""Writes docs/errors.md from the list of codes: `python -m backend_api.http.error_reference`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from backend_api.http.error_codes import SECTIONS, ErrorCode

_HEAD: Final = """# Errors

Generated from `backend-api/src/backend_api/http/error_codes.py` by
`python -m backend_api.http.error_reference`; do not edit.

Every error of the public API is a problem (RFC 9457, `application/problem+json`):

```json
{
  "type": "about:blank",
  "title": "Not Found",
  "status": 404,
  "code": "item_not_found",
  "detail": "there is no item 0133093",
  "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
}
```

`code` is stable and meant for programs; `detail` says what happened and what to do, and may be
worded anew at any time. Where single fields or records are at fault, `errors` names each. Answers
with 429 and 503 carry `Retry-After` in seconds; a 503 means that nothing was acknowledged, so
sending again is safe, with the same `Idempotency-Key` for a write that is not idempotent itself.
"""


def render() -> str:
    """The whole page as Markdown."""
    parts = [_HEAD]
    for title, codes in SECTIONS:
        parts.append(f"\n## {title}\n\n| code | status | meaning | what to do |\n|---|---|---|---|")
        parts += [_row(code) for code in codes]
    return "\n".join(parts) + "\n"


def _row(code: ErrorCode) -> str:
    return f"| `{code.code}` | {code.status} | {code.meaning} | {code.action} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; with `--check` write nothing and answer 1 where it differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail where the page is not current")
    parser.add_argument("--output", type=Path, default=Path("docs/errors.md"))
    options = parser.parse_args(arguments)
    page = render()
    if not options.check:
        options.output.write_text(page, encoding="utf-8")
        return 0
    if options.output.exists() and options.output.read_text(encoding="utf-8") == page:
        return 0
    sys.stderr.write(
        f"{options.output} is not current: run `python -m backend_api.http.error_reference`\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
