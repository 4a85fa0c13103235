"""Queries are built so that they mean what panels say of them."""

from stack.dashboards.promql import (
    aggregated,
    average,
    hits,
    increase,
    or_zero,
    quantile,
    quantile_within,
    rate,
    selector,
    share,
    top,
)

CHOSEN = 'tenant_id=~"$tenant"'


def test_what_has_a_tenant_is_limited_to_the_chosen_ones() -> None:
    assert selector("api_requests_total", 'endpoint="/x"') == (
        f'api_requests_total{{endpoint="/x", {CHOSEN}}}'
    )
    assert selector("data_pipeline_duration_seconds_bucket").endswith(f"{{{CHOSEN}}}")


def test_what_has_no_tenant_is_not() -> None:
    assert selector("errors_total") == "errors_total"
    assert selector("up", 'job="loki"') == 'up{job="loki"}'


def test_counters_are_read_as_rates_and_increases() -> None:
    assert rate("errors_total", by="job") == "sum by (job) (rate(errors_total[$__rate_interval]))"
    assert increase("errors_total", "1h") == "sum (increase(errors_total[1h]))"
    assert increase("errors_total", "1d offset 1d") == "sum (increase(errors_total[1d] offset 1d))"


def test_quantiles_keep_the_buckets_apart() -> None:
    series = "etl_job_duration_seconds"
    assert quantile(0.95, series) == (
        f"histogram_quantile(0.95, sum by (le) (rate({series}_bucket[$__rate_interval])))"
    )
    assert quantile_within(0.5, series, "1d", by="job_name") == (
        f"histogram_quantile(0.5, sum by (le, job_name) (increase({series}_bucket[1d])))"
    )


def test_an_average_of_nothing_is_nothing() -> None:
    assert average("etl_job_duration_seconds").endswith("_count[$__rate_interval])) > 0)")


def test_a_share_is_zero_without_a_part_and_nothing_without_a_whole() -> None:
    assert share("a", "b") == "(a or 0 * b) / (b > 0)"


def test_hits_are_a_share_of_all_reads() -> None:
    found, missed = rate("cache_hits_total", by="job"), rate("cache_misses_total", by="job")
    assert hits("cache", by="job") == share(found, f"({found} + {missed})")


def test_the_rest_says_what_it_does() -> None:
    assert aggregated("max", "up", by="job") == "max by (job) (up)"
    assert or_zero("sum(x)") == "sum(x) or vector(0)"
    assert top("x") == "topk(10, x)"
