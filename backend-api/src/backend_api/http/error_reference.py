"""Writes docs/errors.md from the list of codes: `python -m backend_api.http.error_reference`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from backend_api.http.error_codes import SECTIONS, ErrorCode
from instrumentation.generated_page import write_page

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
    """Write or check the page."""
    return write_page(render, Path("docs/errors.md"), "backend_api.http.error_reference", arguments)


if __name__ == "__main__":
    sys.exit(main())
