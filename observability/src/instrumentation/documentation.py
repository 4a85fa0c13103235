"""Writes docs/metrics.md from the catalogue: `python -m instrumentation.documentation`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from instrumentation.catalogue import ALL, CATALOGUE, Metric
from instrumentation.generated_page import write_page

_HEAD: Final = """# Metrics

Generated from `observability/src/instrumentation/catalogue/` by
`python -m instrumentation.documentation`; do not edit. Every service answers `/metrics` in the
Prometheus text format, or in OpenMetrics with exemplars when asked for it. The process, garbage
collector and platform metrics of prometheus_client come with it.
"""
_SECTIONS: Final = (
    ("All services", ALL),
    ("backend-api", frozenset({"backend-api"})),
    ("ml-engine", frozenset({"ml-engine"})),
    ("data-pipeline", frozenset({"data-pipeline"})),
)


def render() -> str:
    """The whole page as Markdown."""
    parts = [_HEAD]
    for title, services in _SECTIONS:
        parts.append(f"\n## {title}\n\n| metric | type | labels | unit | meaning |")
        parts.append("|---|---|---|---|---|")
        parts += [_row(metric) for metric in CATALOGUE if metric.services == services]
    parts.append("\n## Buckets\n\n| metric | upper bounds |\n|---|---|")
    parts += [_buckets(metric) for metric in CATALOGUE if metric.buckets]
    return "\n".join(parts) + "\n"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    note = f" Note: {metric.note}." if metric.note else ""
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.unit} | {metric.help}{note} |"


def _buckets(metric: Metric) -> str:
    return f"| `{metric.name}` | {' '.join(f'{bound:g}' for bound in metric.buckets or ())} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page."""
    return write_page(render, Path("docs/metrics.md"), "instrumentation.documentation", arguments)


if __name__ == "__main__":
    sys.exit(main())
