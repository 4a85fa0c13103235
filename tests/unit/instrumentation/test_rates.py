from instrumentation.metrics import Metrics
from instrumentation.rates import WINDOW_SECONDS, Counted, Rates

EVENTS = Counted("api_usage_tokens_total", {"endpoint": "/events"})


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def count(metrics: Metrics, requests: int) -> None:
    series = metrics.counter("http_requests_total")
    series.labels("GET", "/x", "200", "none").inc(requests)


def test_rates_are_counts_over_the_time_since_the_start(metrics: Metrics) -> None:
    clock = Clock()
    count(metrics, 5)
    rates = Rates(metrics, {"events": EVENTS}, clock)
    clock.now += 10
    count(metrics, 20)
    metrics.inc("api_usage_tokens_total", 70, tenant_id="acme", endpoint="/events")
    metrics.inc("api_usage_tokens_total", 30, tenant_id="globex", endpoint="/events")
    metrics.inc("api_usage_tokens_total", 99, tenant_id="acme", endpoint="/other")
    report = rates.report()
    assert report == {"over_seconds": 10, "requests_per_second": 2, "events_per_second": 10}


def test_what_is_older_than_five_minutes_no_longer_counts(metrics: Metrics) -> None:
    clock = Clock()
    rates = Rates(metrics, {}, clock)
    for _ in range(60):
        count(metrics, 100)
        clock.now += 15
        rates.tick()
    for _ in range(20):
        count(metrics, 30)
        clock.now += 15
        rates.tick()
    report = rates.report()
    assert WINDOW_SECONDS <= report["over_seconds"] <= WINDOW_SECONDS + 15
    assert report["requests_per_second"] == 2


def test_a_time_without_requests_counts_as_such(metrics: Metrics) -> None:
    clock = Clock()
    rates = Rates(metrics, {}, clock)
    count(metrics, 100)
    clock.now += 15
    rates.tick()
    clock.now += 10_000
    assert rates.report()["requests_per_second"] == 0
