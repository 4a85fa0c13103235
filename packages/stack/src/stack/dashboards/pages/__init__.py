"""The nine dashboards; `PAGES` makes them, in the order in which a reader goes through them."""

from collections.abc import Callable
from typing import Final

from stack.dashboards.board import Page
from stack.dashboards.pages import (
    api_performance,
    business_metrics,
    cost,
    data_pipeline,
    ml_engine_performance,
    observability,
    recommendation_system_overview,
    slo,
    system_health,
)

PAGES: Final[tuple[Callable[[], Page], ...]] = (
    recommendation_system_overview.page,
    system_health.page,
    api_performance.page,
    ml_engine_performance.page,
    data_pipeline.page,
    business_metrics.page,
    cost.page,
    slo.page,
    observability.page,
)
