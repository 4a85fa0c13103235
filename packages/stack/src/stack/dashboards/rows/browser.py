"""What browsers report of the pages on which recommendations stand."""

from stack.dashboards import units
from stack.dashboards.board import Row
from stack.dashboards.levels import rising
from stack.dashboards.panels import graph
from stack.dashboards.promql import quantile_within
from stack.dashboards.targets import Query

# Borders between good, fair and poor: web.dev/articles/vitals.
_SOME = "3 of 4 visits of the last hour were better."


def browser() -> Row:
    """Web vitals by page, at p75 as is usual for them."""

    def of(vital: str, words: str = "") -> Query:
        expression = quantile_within(0.75, f"web_vitals_{vital}", "1h", by="page")
        return Query(expression, f"{{{{page}}}} {words}".strip())

    return Row(
        "In the browser",
        [
            graph(
                "Largest paint",
                f"When most of a page is seen. {_SOME} Above 2.5 s is slow, above 4 s poor.",
                units.SECONDS,
                of("lcp_seconds"),
            )
            .span(6)
            .thresholds(rising(2.5, 4))
            .no_value("No visits"),
            graph(
                "First paint and first byte",
                f"When something is seen, and when the answer begins. {_SOME}",
                units.SECONDS,
                of("fcp_seconds", "paint"),
                of("ttfb_seconds", "byte"),
            )
            .span(6)
            .thresholds(rising(1.8, 3))
            .no_value("No visits"),
            graph(
                "Time to respond",
                f"From a click to what it changes. {_SOME} Above 200 ms is slow, 500 ms poor.",
                units.SECONDS,
                of("inp_seconds", "any input"),
                of("fid_seconds", "first input"),
            )
            .span(6)
            .thresholds(rising(0.2, 0.5))
            .no_value("No visits"),
            graph(
                "Layout shift",
                f"How much a page jumps while it loads. {_SOME} Above 0.1 is bad, 0.25 poor.",
                units.SCORE,
                of("cls"),
            )
            .span(6)
            .thresholds(rising(0.1, 0.25))
            .no_value("No visits"),
        ],
    )
