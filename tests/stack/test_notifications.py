"""A real Alertmanager: who hears of an alert, what keeps it quiet, and what the message says."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from tests.real_processes import wait_for
from tests.stack.loopback_alertmanager import (
    ROUTING_KEY,
    HurriedAlertmanager,
    World,
    alert,
    running_alertmanager,
)

from stack.programs.configuration import Document


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture(scope="module")
def alertmanager(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HurriedAlertmanager]:
    with running_alertmanager(tmp_path_factory.mktemp("alertmanager"), world) as running:
        yield running


ARRIVES: Final = {
    "critical": ({"severity": "critical"}, {"pagerduty", "slack #zeta-critical-alerts"}),
    "warning": ({"severity": "warning"}, {"slack #engineering-alerts"}),
    "unknown-severity": ({"severity": "urgent"}, {"slack #engineering-alerts"}),
    "info": ({"severity": "info"}, set[str]()),
}


@pytest.mark.parametrize(("labels", "places"), ARRIVES.values(), ids=ARRIVES)
def test_an_alert_arrives_where_it_should_and_nowhere_else(
    alertmanager: HurriedAlertmanager, world: World, labels: dict[str, str], places: set[str]
) -> None:
    named = {"service": f"arrives-{labels['severity']}", "alertname": "Arrives", **labels}
    # What arrives after it shows that the first would have arrived.
    later = {"severity": "critical", "service": f"{named['service']}-later", "alertname": "Later"}

    alertmanager.post(alert(**named))
    wait_for(lambda: world.places(f"{named['service']}: Arrives"), lambda at: at >= places)
    alertmanager.post(alert(**later))
    world.wait_for_text("pagerduty", f"{later['service']}: Later")
    world.wait_for_text("slack", f"{later['service']}: Later")

    assert world.places(f"{named['service']}: Arrives") == places


def test_the_dead_mans_switch_is_told_again_and_again(tmp_path: Path, world: World) -> None:
    def in_a_hurry(config: Document) -> None:
        config["route"]["routes"][0]["repeat_interval"] = "100ms"

    watchdog = alert(alertname="Watchdog", severity="info", service="prometheus")
    with running_alertmanager(tmp_path, world, in_a_hurry) as alertmanager:
        alertmanager.post(watchdog)
        wait_for(lambda: len(world.bodies("dead-mans-switch", "Watchdog")) > 2, bool)
    assert not world.places("Watchdog") - {"dead-mans-switch"}


def test_repair_is_told_as_well(alertmanager: HurriedAlertmanager, world: World) -> None:
    broken = alert(alertname="Repaired", severity="critical", service="ml-engine")
    alertmanager.post(broken)
    world.wait_for_text("pagerduty", "Repaired")
    alertmanager.post(broken | {"endsAt": datetime.now(UTC).isoformat()})
    wait_for(
        lambda: [body["event_action"] for body in world.bodies("pagerduty", "Repaired")],
        lambda actions: actions == ["trigger", "resolve"],
    )
    assert world.wait_for_text("slack", "[RESOLVED] ml-engine: Repaired")


def test_a_group_is_one_message(alertmanager: HurriedAlertmanager, world: World) -> None:
    tenants = [f"tenant-{number}" for number in range(7)]
    alertmanager.post(
        *(
            alert(
                f"{tenant} waits",
                alertname="Grouped",
                severity="warning",
                service="a",
                tenant_id=tenant,
            )
            for tenant in tenants
        )
    )
    message = world.wait_for_text("slack", "[FIRING 7] a: Grouped")
    text = message.body["attachments"][0]["text"]
    assert [tenant for tenant in tenants if f"*{tenant} waits*" in text] == tenants[:5]
    assert "5 of 7 shown: <http://localhost:9093/#/alerts|all>" in text


INHIBITED: Final = {
    "critical-silences-warning": (
        {"alertname": "HighErrorRate", "severity": "critical", "service": "a"},
        {"alertname": "CacheHitRateLow", "severity": "warning", "service": "a"},
        True,
    ),
    "not-of-another-service": (
        {"alertname": "HighErrorRate", "severity": "critical", "service": "a"},
        {"alertname": "CacheHitRateLow", "severity": "warning", "service": "b"},
        False,
    ),
    "not-without-a-service": (
        {"alertname": "HighErrorRate", "severity": "critical"},
        {"alertname": "CacheHitRateLow", "severity": "warning"},
        False,
    ),
    "not-another-critical": (
        {"alertname": "HighErrorRate", "severity": "critical", "service": "a"},
        {"alertname": "HighLatencyP95", "severity": "critical", "service": "a"},
        False,
    ),
    "not-by-the-watchdog": (
        {"alertname": "Watchdog", "severity": "critical", "service": "prometheus"},
        {"alertname": "RuleFailures", "severity": "warning", "service": "prometheus"},
        False,
    ),
    "service-down-silences-critical": (
        {"alertname": "ServiceDown", "severity": "critical", "service": "a", "instance": "1"},
        {"alertname": "HighErrorRate", "severity": "critical", "service": "a"},
        True,
    ),
    "service-down-not-of-another-replica": (
        {"alertname": "ServiceDown", "severity": "critical", "service": "a", "instance": "1"},
        {"alertname": "ServiceDown", "severity": "critical", "service": "a", "instance": "2"},
        False,
    ),
    "service-down-not-without-a-service": (
        {"alertname": "ServiceDown", "severity": "critical"},
        {"alertname": "HighErrorRate", "severity": "critical"},
        False,
    ),
    "service-down-not-the-watchdog": (
        {"alertname": "ServiceDown", "severity": "critical", "service": "prometheus"},
        {"alertname": "Watchdog", "severity": "info", "service": "prometheus"},
        False,
    ),
    "service-down-explains-its-target": (
        {"alertname": "ServiceDown", "severity": "critical", "service": "a", "job": "a"},
        {"alertname": "PrometheusTargetDown", "severity": "info", "service": "p", "job": "a"},
        True,
    ),
    "redis-down-explains-its-target": (
        {"alertname": "RedisDown", "severity": "critical", "service": "redis", "job": "r"},
        {"alertname": "PrometheusTargetDown", "severity": "info", "service": "p", "job": "r"},
        True,
    ),
    "redis-down-not-the-target-of-another-job": (
        {"alertname": "RedisDown", "severity": "critical", "service": "redis", "job": "r"},
        {"alertname": "PrometheusTargetDown", "severity": "info", "service": "p", "job": "s"},
        False,
    ),
    "redis-down-not-without-a-job": (
        {"alertname": "RedisDown", "severity": "critical", "service": "redis"},
        {"alertname": "PrometheusTargetDown", "severity": "info", "service": "p"},
        False,
    ),
    "target-down-not-another-target": (
        {"alertname": "PrometheusTargetDown", "severity": "info", "job": "a", "instance": "1"},
        {"alertname": "PrometheusTargetDown", "severity": "info", "job": "a", "instance": "2"},
        False,
    ),
}


@pytest.mark.parametrize(("case", "inhibited"), [(name, row[2]) for name, row in INHIBITED.items()])
def test_an_alert_is_inhibited_by_what_explains_it_alone(
    alertmanager: HurriedAlertmanager, case: str, *, inhibited: bool
) -> None:
    source, target = ({**labels, "environment": case} for labels in INHIBITED[case][:2])
    alertmanager.post(alert(**source), alert(**target))
    # It takes alerts in a little later, in their order: what came after shows that it has them.
    later = [
        {**labels, "environment": f"{case}, later"}
        for labels in INHIBITED["critical-silences-warning"][:2]
    ]
    alertmanager.post(*(alert(**labels) for labels in later))
    wait_for(lambda: alertmanager.state(**later[1]), lambda state: state == "suppressed")
    assert alertmanager.state(**target) == ("suppressed" if inhibited else "active")
    assert alertmanager.state(**source) == "active"


def test_an_alert_is_not_inhibited_by_another_environment(
    alertmanager: HurriedAlertmanager,
) -> None:
    source = {"alertname": "ServiceDown", "severity": "critical", "service": "e"}
    target = {"alertname": "HighErrorRate", "severity": "critical", "service": "e"}
    alertmanager.post(
        alert(**source, environment="production"), alert(**target, environment="staging")
    )
    assert alertmanager.state(**target, environment="staging") == "active"


def test_an_inhibited_alert_reaches_nobody(alertmanager: HurriedAlertmanager, world: World) -> None:
    source = alert(alertname="ServiceDown", severity="critical", service="silenced")
    alertmanager.post(source)
    world.wait_for_text("pagerduty", "silenced: ServiceDown")
    alertmanager.post(alert(alertname="Quiet", severity="critical", service="silenced"))
    alertmanager.post(alert(alertname="Loud", severity="critical", service="other"))
    world.wait_for_text("pagerduty", "other: Loud")
    world.wait_for_text("slack", "other: Loud")
    assert not world.places("silenced: Quiet")

    alertmanager.post(source | {"endsAt": datetime.now(UTC).isoformat()})
    world.wait_for_text("pagerduty", "silenced: Quiet")


WAITING: Final = {
    "marked": {"alertname": "CacheHitRateLow", "severity": "warning", "waits": "true"},
    "ticket": {"alertname": "BudgetBurns", "severity": "warning", "slo": "availability"},
}
HOURS: Final = {
    "before-work": (3, False, ["nights"]),
    "at-work": (12, False, list[str]()),
    "after-work": (21, False, ["nights"]),
    "at-the-weekend": (12, True, ["weekends"]),
}


@pytest.mark.parametrize(("hour", "weekend", "muted_by"), HOURS.values(), ids=HOURS)
def test_a_warning_that_may_wait_does_so_outside_working_hours(
    tmp_path: Path, world: World, hour: int, *, weekend: bool, muted_by: list[str]
) -> None:
    service = tmp_path.name
    waiting = {name: {**labels, "service": service} for name, labels in WAITING.items()}
    urgent = {"alertname": "DiskSpaceLow", "severity": "warning", "service": service}
    page = {"alertname": "HighErrorRate", "severity": "critical", "service": f"{service}-page"}

    with running_alertmanager(
        tmp_path, world, lambda config: move_to(config, hour, weekend=weekend)
    ) as alertmanager:
        alertmanager.post(*(alert(**labels) for labels in (*waiting.values(), urgent, page)))
        world.wait_for_text("slack", f"{service}: DiskSpaceLow")
        world.wait_for_text("pagerduty", f"{service}-page: HighErrorRate")
        for labels in waiting.values():
            if muted_by:
                wait_for(lambda labels=labels: alertmanager.muted_by(**labels), muted_by.__eq__)
                assert not world.places(f"{service}: {labels['alertname']}")
            else:
                world.wait_for_text("slack", f"{service}: {labels['alertname']}")
                assert alertmanager.muted_by(**labels) == []
        assert alertmanager.muted_by(**urgent) == []


def move_to(config: Document, hour: int, *, weekend: bool) -> None:
    """Move Alertmanager to where it is this hour now, with today at the weekend or not."""
    now = datetime.now(UTC)
    (offset,) = [east for east in range(-11, 13) if (now.hour + east) % 24 == hour]
    today = now + timedelta(hours=offset)
    days = [today] if weekend else [today + timedelta(days=3), today + timedelta(days=4)]
    nights, weekends = (named["time_intervals"][0] for named in config["time_intervals"])
    # Of these names the sign is the other way round.
    nights["location"] = weekends["location"] = f"Etc/GMT{-offset:+d}"
    weekends["weekdays"] = [day.strftime("%A").lower() for day in days]


def test_slack_is_told_what_where_and_what_to_do(
    alertmanager: HurriedAlertmanager, world: World
) -> None:
    alertmanager.post(
        alert(
            "Errors are <!channel> & 7 %",
            alertname="HighErrorRate",
            severity="critical",
            service="texts",
            tenant_id="a b",
        )
    )
    body = world.wait_for_text("slack", "texts: HighErrorRate").body
    (attachment,) = body["attachments"]
    assert attachment["title"] == "[FIRING 1] texts: HighErrorRate"
    assert attachment["color"] == "danger"
    assert "*Errors are &lt;!channel&gt; &amp; 7 %*\nAnswers are missing." in attachment["text"]
    assert links_of(attachment["text"]) == LINKS | {"Dashboard": attachment["title_link"]}
    assert DASHBOARD in attachment["title_link"]


def test_pagerduty_is_told_what_where_and_what_to_do(
    alertmanager: HurriedAlertmanager, world: World
) -> None:
    alertmanager.post(
        alert(alertname="HighErrorRate", severity="critical", service="texts", tenant_id="a b")
    )
    body = world.wait_for_text("pagerduty", "texts: HighErrorRate").body
    assert body["routing_key"] == ROUTING_KEY
    payload = body["payload"]
    assert payload["summary"].startswith("texts: HighErrorRate: ")
    assert (payload["severity"], payload["component"]) == ("critical", "texts")
    links = {link["text"]: link["href"] for link in body["links"]}
    dashboard = links["Dashboard"]
    assert links == LINKS | {"Dashboard": dashboard}
    assert DASHBOARD in dashboard
    for link in links.values():
        assert link in payload["custom_details"]["firing"]


LINKS: Final = {
    "Runbook": "https://git.example.com/embedding-recommender/blob/main/docs/runbooks/high-error-rate.md",
    "Expression": "http://localhost:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    "Silence": (
        "http://localhost:9093/#/silences/new?filter=%7Balertname%3D%22HighErrorRate%22%2C"
        "service%3D%22texts%22%2Cseverity%3D%22critical%22%2Ctenant_id%3D%22a%20b%22%7D"
    ),
}
DASHBOARD: Final = "http://localhost:3000/d/api-performance?from="


def links_of(text: str) -> dict[str, str]:
    pairs = (found.split(">")[0].split("|") for found in text.split("<")[1:])
    return {name: url for url, name in pairs}


@pytest.mark.parametrize(
    ("missing", "integration", "still"),
    [
        ("pagerduty-routing-key", "pagerduty", "slack"),
        ("slack-webhook-url", "slack", "pagerduty"),
    ],
)
def test_a_secret_that_is_not_set_keeps_only_its_own_receiver_away(
    tmp_path: Path, world: World, missing: str, integration: str, still: str
) -> None:
    service = f"without-{missing}"
    with running_alertmanager(tmp_path, world, secrets={missing: ""}) as alertmanager:
        alertmanager.post(alert(alertname="Told", severity="critical", service=service))
        world.wait_for_text(still, f"{service}: Told")
        wait_for(lambda: failures(alertmanager, integration), bool)
    assert integration not in {place.split()[0] for place in world.places(f"{service}: Told")}


def failures(alertmanager: HurriedAlertmanager, integration: str) -> float:
    """How many messages could not be sent, as the alert on it sees it."""
    prefix = f'alertmanager_notifications_failed_total{{integration="{integration}"'
    lines: list[Any] = alertmanager.client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(prefix))
