"""A pace replaces intervals, waits and windows, and nothing else."""

from typing import Any

import pytest

from stack.programs.paces import Pace


def rules() -> dict[str, Any]:
    alert = {"alert": "A", "expr": "rate(x[5m]) > 1 and max_over_time(y[1h:30s]) > 0", "for": "10m"}
    return {
        "groups": [{"name": "g", "interval": "1m", "rules": [alert, {"record": "r", "expr": "x"}]}]
    }


def test_no_pace_leaves_everything_as_configured() -> None:
    document = rules()
    Pace().rules(document)
    assert document == rules()


def test_waits_and_windows_of_rules_become_short() -> None:
    document = rules()
    Pace(interval=1, hold=2, window=20).rules(document)
    (group,) = document["groups"]
    assert "interval" not in group
    assert group["rules"] == [
        {
            "alert": "A",
            "expr": "rate(x[20000ms]) > 1 and max_over_time(y[20000ms:30s]) > 0",
            "for": "2000ms",
        },
        {"record": "r", "expr": "x"},
    ]


def test_offsets_become_as_short_as_windows() -> None:
    rule = {"alert": "A", "expr": "x unless x offset 1h30m and increase(x[1h]) > 0"}
    Pace(window=20).rules({"groups": [{"name": "g", "rules": [rule]}]})
    assert rule["expr"] == "x unless x offset 20000ms and increase(x[20000ms]) > 0"


def test_an_alert_that_waits_for_nothing_still_waits_for_nothing() -> None:
    document = {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "x"}]}]}
    Pace(hold=2).rules(document)
    assert "for" not in document["groups"][0]["rules"][0]


def test_every_job_is_scraped_at_the_pace() -> None:
    document: dict[str, Any] = {
        "global": {"scrape_interval": "15s", "external_labels": {"monitor": "m"}},
        "scrape_configs": [{"job_name": "a", "scrape_interval": "1m", "scrape_timeout": "30s"}],
    }
    Pace(interval=0.5).scrapes(document)
    assert document["scrape_configs"] == [{"job_name": "a"}]
    assert document["global"] == {
        "scrape_interval": "500ms",
        "evaluation_interval": "500ms",
        "scrape_timeout": "500ms",
        "external_labels": {"monitor": "m"},
    }


@pytest.mark.parametrize("mute_times", [True, False])
def test_routes_at_every_depth_become_short(mute_times: bool) -> None:
    child = {"receiver": "b", "repeat_interval": "1h", "mute_time_intervals": ["nights"]}
    route: dict[str, Any] = {"receiver": "a", "group_wait": "30s", "routes": [dict(child)]}
    Pace(group=1, mute_times=mute_times).routes(route)
    assert route["group_wait"] == "1000ms"
    (short,) = route["routes"]
    assert short["repeat_interval"] == "1000ms"
    assert ("mute_time_intervals" in short) is mute_times


def test_a_job_may_have_an_interval_of_its_own() -> None:
    document: dict[str, Any] = {"global": {}, "scrape_configs": [{"job_name": "slow"}]}
    Pace(interval=1, jobs={"slow": 5}).scrapes(document)
    (job,) = document["scrape_configs"]
    assert job == {"job_name": "slow", "scrape_interval": "5000ms", "scrape_timeout": "5000ms"}
