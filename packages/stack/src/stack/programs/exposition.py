"""Reads what a program shows on its metrics page."""

import httpx2
from prometheus_client.parser import text_string_to_metric_families


def scrape(url: str) -> dict[str, float]:
    """The sum over all series of each metric, by the sample's name."""
    text = httpx2.get(url, timeout=10, trust_env=False).raise_for_status().text
    totals: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
    return totals
