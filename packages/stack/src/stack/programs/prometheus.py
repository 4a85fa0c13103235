"""Prometheus on loopback."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stack.programs.configuration import CONFIGURATION, read, write
from stack.programs.executables import need
from stack.programs.paces import Pace
from stack.programs.ports import Ports, local
from stack.programs.processes import Program

_SOURCE: Final = CONFIGURATION / "prometheus"


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an answer, with its value now."""

    labels: dict[str, str]
    value: float


class Prometheus(Program):
    """Prometheus over one data folder, with the repository's jobs and rules.

    `targets` has the addresses of each job; a job that is not in it is left out. One that loses
    its addresses stays, as with service discovery: its series end at once.
    """

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        targets: Mapping[str, Sequence[str]],
        pace: Pace,
        environment: str,
    ) -> None:
        super().__init__("prometheus", folder, ports.prometheus, "/-/ready")
        self._executable = need("prometheus")
        self._environment = {"ENVIRONMENT": environment}
        self._pace = pace
        for rules in sorted((_SOURCE / "rules").glob("*.yml")):
            self._render_rules(rules)
        self._targets = {**targets, "prometheus": [self.address]}
        self._alertmanager = local(ports.alertmanager)
        self.config = self._render()

    def _render_rules(self, source: Path) -> None:
        document = read(source)
        self._pace.rules(document)
        write(self.folder / "rules" / source.name, document)

    def _render(self) -> Path:
        document = read(_SOURCE / "prometheus.yml")
        document["rule_files"] = ["rules/*.yml"]
        alertmanagers = [{"static_configs": [{"targets": [self._alertmanager]}]}]
        document["alerting"] |= {"alertmanagers": alertmanagers}
        jobs = (self._located(job) for job in document["scrape_configs"])
        document["scrape_configs"] = [job for job in jobs if job is not None]
        self._pace.scrapes(document)
        return write(self.folder / "prometheus.yml", document)

    def _located(self, job: dict[str, Any]) -> dict[str, Any] | None:
        addresses = self._targets.get(job["job_name"])
        if addresses is None:
            return None
        job.pop("dns_sd_configs", None)
        return {**job, "static_configs": [{"targets": list(addresses)}]}

    def command(self) -> Sequence[str]:
        """Prometheus with the rendered file, and the flags of the stack's docker-compose.yml."""
        return [
            self._executable,
            f"--config.file={self.config}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            "--storage.tsdb.retention.time=30d",
            "--enable-feature=exemplar-storage,extra-scrape-metrics",
            "--web.enable-lifecycle",
            f"--web.listen-address={self.address}",
            "--log.level=warn",
            *self._pace.flags(),
        ]

    def environment(self) -> Mapping[str, str]:
        """What the external labels are expanded from."""
        return self._environment

    def set_targets(self, job: str, addresses: Sequence[str]) -> None:
        """Scrape other addresses for a job from now on: replicas come and go."""
        self._targets[job] = list(addresses)
        self._render()
        self.client.post("/-/reload").raise_for_status()

    def query(self, promql: str) -> list[Sample]:
        """The series that a query finds, with their values now."""
        answer = self._get("/api/v1/query", query=promql)
        if answer["resultType"] == "scalar":
            return [Sample({}, float(answer["result"][1]))]
        return [Sample(one["metric"], float(one["value"][1])) for one in answer["result"]]

    def value(self, promql: str) -> float | None:
        """The value of a query that finds one series; None where it finds none."""
        found = self.query(promql)
        if len(found) > 1:
            raise ValueError(f"{promql} finds {len(found)} series")
        return found[0].value if found else None

    def query_range(self, promql: str, start: float, end: float, step: float) -> list[Any]:
        """The series of a query over a span of Unix time, as the API gives them."""
        answer = self._get("/api/v1/query_range", query=promql, start=start, end=end, step=step)
        return answer["result"]

    def exemplars(self, promql: str, start: float, end: float) -> list[dict[str, Any]]:
        """The exemplars of the series of a query, over a span of Unix time."""
        series = self._get("/api/v1/query_exemplars", query=promql, start=start, end=end)
        return [exemplar for one in series for exemplar in one["exemplars"]]

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that are pending or firing."""
        return self._get("/api/v1/alerts")["alerts"]

    def firing(self, name: str) -> list[dict[str, str]]:
        """The labels of each firing alert of a name."""
        found = [alert for alert in self.alerts() if alert["state"] == "firing"]
        return [alert["labels"] for alert in found if alert["labels"]["alertname"] == name]

    def targets(self) -> list[dict[str, Any]]:
        """What is scraped, with its health."""
        return self._get("/api/v1/targets")["activeTargets"]

    def _get(self, path: str, **parameters: str | float) -> Any:
        answer = self.client.get(path, params=parameters)
        if not answer.is_success:
            raise ValueError(f"Prometheus answers {answer.status_code}: {answer.text}")
        return answer.json()["data"]
