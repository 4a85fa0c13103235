import pytest

from stack.promql import metric_names


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("vector(1)", set()),
        ("up == 0", {"up"}),
        ('sum by (job) (rate(http_requests_total{job="a", status=~"5.."}[5m])) > 0.05',
         {"http_requests_total"}),
        ("a / on (x, y) group_left (z) b offset 1h unless ignoring (q) c > bool 2 and d",
         {"a", "b", "c", "d"}),
        ("slo:sli_error:ratio_rate1h > 14.4 * 1e-3", {"slo:sli_error:ratio_rate1h"}),
        ('{__name__=~"a_total|b_total", job="x"}', {"a_total", "b_total"}),
        ('label_replace(avg(m), "d", "other", "", "")', {"m"}),
        ("histogram_quantile(0.95, sum by (le) (rate(h_bucket[5m])))", {"h_bucket"}),
        ("avg without (cpu) (x) * Inf", {"x"}),
    ],
)  # fmt: skip
def test_the_metrics_of_an_expression(expression: str, names: set[str]) -> None:
    assert metric_names(expression) == names
