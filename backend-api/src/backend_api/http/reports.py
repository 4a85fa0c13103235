"""What the service tells of its business: metrics, and one log line per answer."""

import logging
import re
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Final

from backend_api.domain.circuit_breaker import Circuit
from backend_api.domain.recommendations import Served
from backend_api.domain.sent_events import SentEvent
from backend_api.services.click_through import Clicks, ClickThrough
from backends.ports import PortUnavailable
from contracts.events import BatchResult
from contracts.public.web_vitals import WebVitals
from contracts.recommendations import RankingOptions
from instrumentation.current_span import current_identity
from instrumentation.histogram import TracedHistogram
from instrumentation.metrics import Metrics

MAX_VALUES: Final = 50
CLICK_THROUGH_SECONDS: Final = 15.0
_TIMED_VITALS: Final = {
    "fcp": "web_vitals_fcp_seconds",
    "fid": "web_vitals_fid_seconds",
    "inp": "web_vitals_inp_seconds",
    "lcp": "web_vitals_lcp_seconds",
    "ttfb": "web_vitals_ttfb_seconds",
}
_BUSINESS: Final = "business"
_INFRASTRUCTURE: Final = "infrastructure"
_STATES: Final = {Circuit.CLOSED: 0, Circuit.HALF_OPEN: 1, Circuit.OPEN: 2}
_NOT_PERSONAL: Final = frozenset({"popularity", "context"})
_recommendations = logging.getLogger("backend_api.recommendations")
_records = logging.getLogger("backend_api.records")
_dependencies = logging.getLogger("backend_api.dependencies")


class Reports:
    """Counts and logs; tenant, user and trace come into the log lines from the context."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._latency = metrics.bound("recommendation_latency_seconds")
        self._clicks = ClickThrough()
        self._rated: set[tuple[str, str]] = set()
        self._pages = BoundedValues(re.compile(r"[a-z][a-z-]{0,31}"))
        self._categories = BoundedValues(re.compile(r"[A-Za-z][A-Za-z &/-]{0,31}"))
        self._regions = BoundedValues(re.compile(r"[A-Za-z]{2,12}(-[A-Za-z0-9]{1,6}){0,2}"))

    def timing_recommendation(self) -> AbstractContextManager[None]:
        """Observe how long a recommendation takes, failed ones too."""
        return _Timed(self._latency)

    def recommended(
        self, tenant_id: str, served: Served, asked: RankingOptions, subject: str
    ) -> None:
        """A recommendation goes to its caller; `subject` is user, session, item or context."""
        answer = served.answer
        self._metrics.inc(
            "recommendations_served_total",
            len(answer.items),
            tenant_id=tenant_id,
            model_version=answer.model_version,
            algorithm=answer.algorithm,
        )
        self._metrics.inc(
            "recommendation_requests_total",
            user_segment=_segment(subject, served),
            category=self._categories.of(_category(asked)),
            location_region=self._regions.of(asked.context.region if asked.context else None),
        )
        self._clicks.given(tenant_id, answer.recommendation_id, answer.model_version)
        fields = {
            "category": _BUSINESS,
            "recommendation_id": answer.recommendation_id,
            "model_version": answer.model_version,
            "algorithm": answer.algorithm,
            "items": len(answer.items),
        }
        if answer.degraded is not None:
            fault = served.fault or "unavailable"
            self._metrics.inc(
                "recommendations_degraded_total", degraded=answer.degraded, reason=fault
            )
            fields |= {"degraded": answer.degraded, "reason": fault}
        _recommendations.info("recommendation served", extra=fields)

    def events_sent(self, tenant_id: str, events: Iterable[SentEvent]) -> None:
        """Events are stored: some may be clicks on answers."""
        self._clicks.sent(tenant_id, events)

    async def show_click_through(self) -> float:
        """Set the click-through rates; how many seconds until the next time."""
        together: dict[tuple[str, str], Clicks] = {}
        for (tenant_id, version), clicks in self._clicks.by_version().items():
            # The tenants beyond the bound have one rate.
            key = self._metrics.bounded_tenant(tenant_id), version
            sums = together.setdefault(key, Clicks())
            sums.answers += clicks.answers
            sums.clicked += clicks.clicked
        for tenant_id, version in self._rated - set(together):
            self._metrics.forget("recommendation_ctr", tenant_id=tenant_id, model_version=version)
        for (tenant_id, version), clicks in together.items():
            self._metrics.set(
                "recommendation_ctr", clicks.rate, tenant_id=tenant_id, model_version=version
            )
        self._rated = set(together)
        return CLICK_THROUGH_SECONDS

    def page_viewed(self, vitals: WebVitals) -> None:
        """A browser reported how a page was."""
        page = self._pages.of(vitals.page)
        if vitals.cls is not None:
            self._metrics.observe("web_vitals_cls", vitals.cls, page=page)
        for name, family in _TIMED_VITALS.items():
            milliseconds: float | None = getattr(vitals, name)
            if milliseconds is not None:
                self._metrics.observe(family, milliseconds / 1000, page=page)

    def received(self, data_type: str, result: BatchResult) -> None:
        """A batch of records is stored."""
        fields = {
            "category": _BUSINESS,
            "accepted": result.accepted,
            "duplicates": result.duplicates,
            "rejected": len(result.rejected),
        }
        _records.info("%s received", data_type, extra=fields)

    def cache_away(self, error: PortUnavailable) -> None:
        """The cache that replicas share does not answer; nothing is found in it until it does."""
        _dependencies.warning(
            "nothing is shared with other replicas: %s", error, extra={"category": _INFRASTRUCTURE}
        )

    def circuit(self, dependency: str, state: Circuit) -> None:
        """The circuit of a service behind this one stands like this from now on."""
        self._metrics.set("circuit_breaker_state", _STATES[state], dependency=dependency)
        fields = {"category": _INFRASTRUCTURE, "dependency": dependency, "circuit": state.value}
        _dependencies.warning("circuit of %s is %s", dependency, state.value, extra=fields)

    def closed_circuit(self, dependency: str) -> None:
        """The service starts, and supposes that the one behind it answers."""
        self._metrics.set("circuit_breaker_state", _STATES[Circuit.CLOSED], dependency=dependency)

    def answers_lost(self, count: int) -> None:
        """The storage did not take answers for so long that the log has lost some."""
        self._metrics.inc("recommendation_log_lost_total", count)
        _recommendations.warning(
            "%d logged recommendations are lost", count, extra={"category": _INFRASTRUCTURE}
        )


class _Timed(AbstractContextManager[None]):
    """Times one block: a class, since a generator's context manager takes three times as long."""

    def __init__(self, series: TracedHistogram) -> None:
        self._series = series

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._series.observe_within(time.perf_counter() - self._started, current_identity())


class BoundedValues:
    """Label values that callers choose: the first 50 plain words, the others as `other`.

    What is no plain word could be a key or an e-mail address, and must not become a label.
    """

    def __init__(self, plain: re.Pattern[str]) -> None:
        self._plain = plain
        self._known: set[str] = set()

    def of(self, value: str | None) -> str:
        """The label value that stands for `value`; `none` where there is none."""
        if value is None:
            return "none"
        if value in self._known:
            return value
        if len(self._known) >= MAX_VALUES or self._plain.fullmatch(value) is None:
            return "other"
        self._known.add(value)
        return value


def _segment(subject: str, served: Served) -> str:
    if subject != "user":
        return subject
    # What stands in for an answer tells nothing of the user.
    live = served.answer.degraded != "popular"
    return "new" if live and served.answer.algorithm in _NOT_PERSONAL else "known"


def _category(asked: RankingOptions) -> str | None:
    wanted = asked.filters.categories or (asked.context.categories if asked.context else [])
    return wanted[0] if len(wanted) == 1 else None
