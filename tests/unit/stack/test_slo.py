from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from stack.slo import Spec, load_spec, page, records, rules
from stack.slo.__main__ import main

ONE = {
    "slo": "answers",
    "title": "It answers",
    "owner": "backend-api",
    "objective": 0.99,
    "description": "Answers.",
    "good": "sum(rate(good_total[5m]))",
    "total": "sum(rate(all_total[5m]))",
    "witness": "sum(rate(other_total[5m]))",
}


def spec(**changed: Any) -> Spec:
    return Spec.model_validate({"window": "30d", "slos": [{**ONE, **changed}]})


def generated(one: Spec) -> list[dict[str, Any]]:
    groups = yaml.safe_load(rules.render(one))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_window_is_recorded_under_the_name_that_panels_ask_for() -> None:
    recorded = {rule["record"] for rule in generated(spec()) if "record" in rule}
    windows = {records.error_ratio(window) for window in (*records.WINDOWS, "30d")}
    assert recorded == windows | {
        records.GOOD, records.TOTAL, records.OBJECTIVE, records.ERROR_BUDGET,
        records.CURRENT_BURN_RATE, records.PERIOD_BURN_RATE, records.ERROR_BUDGET_REMAINING,
    }  # fmt: skip


def test_every_series_is_labelled_by_objective_and_owner_alone() -> None:
    for rule in generated(spec()):
        if "record" in rule:
            assert rule["labels"] == {"service": "backend-api", "slo": "answers"}


def test_a_page_at_14_and_6_times_the_budget_and_a_ticket_at_3_and_1() -> None:
    by_name = {rule["alert"]: rule for rule in generated(spec()) if "alert" in rule}
    fast, slow = by_name["SLOErrorBudgetBurnFast"], by_name["SLOErrorBudgetBurnSlow"]
    assert (fast["labels"]["severity"], slow["labels"]["severity"]) == ("critical", "warning")
    for limit, long, short in ((0.144, "1h", "5m"), (0.06, "6h", "30m")):
        assert f'ratio_rate{long}{{slo="answers"}} > {limit}' in fast["expr"]
        assert f'ratio_rate{short}{{slo="answers"}} > {limit}' in fast["expr"]
    for limit, long, short in ((0.03, "1d", "2h"), (0.01, "3d", "6h")):
        assert f'ratio_rate{long}{{slo="answers"}} > {limit}' in slow["expr"]
        assert f'ratio_rate{short}{{slo="answers"}} > {limit}' in slow["expr"]


@pytest.mark.parametrize(
    "fault",
    [{"objective": 1}, {"objective": 99.9}, {"slo": "No Name"}, {"owner": "me"}, {"good": ""},
     {"query": "x"}],
)  # fmt: skip
def test_a_spec_with_a_fault_is_refused(fault: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec(**fault)


def test_two_objectives_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="the same name"):
        Spec.model_validate({"window": "30d", "slos": [ONE, ONE]})


def test_the_page_names_every_objective_and_every_alert() -> None:
    text = page.render(spec())
    assert "| [It answers](#answers) | 99 % | 1 % | backend-api |" in text
    for alert in rules.RUNBOOKS.values():
        assert f"(runbooks/{alert}.md)" in text


def test_the_files_in_the_repository_are_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[3])
    assert main(["--check"]) == 0


def test_a_file_that_is_not_current_fails_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(__file__).parents[3]
    for folder in ("observability/slo", "observability/prometheus/rules", "docs"):
        (tmp_path / folder).mkdir(parents=True)
    text = (root / "observability/slo/slo.yml").read_text()
    (tmp_path / "observability/slo/slo.yml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    assert main(["--check"]) == 0
    (tmp_path / "observability/slo/slo.yml").write_text(text.replace("0.999", "0.99"))
    assert main(["--check"]) == 1
    assert "slo.yml is not current" in capsys.readouterr().err


def test_the_objectives_have_a_budget() -> None:
    assert load_spec(Path(__file__).parents[3] / "observability/slo/slo.yml").window == "30d"
    assert spec(objective=0.999).slos[0].error_budget == 0.001
