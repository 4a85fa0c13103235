"""Grafana on loopback, where it is installed: its data sources and dashboards as provisioned."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from stack.programs.configuration import CONFIGURATION, read, write
from stack.programs.executables import need
from stack.programs.ports import LOOPBACK, Ports
from stack.programs.processes import Program

_SOURCE: Final = CONFIGURATION / "grafana"
_PACKAGED_HOME: Final = Path("/usr/share/grafana")


class Grafana(Program):
    """Grafana over one data folder; `urls` has the address of each data source, by its type."""

    def __init__(self, folder: Path, ports: Ports, urls: Mapping[str, str]) -> None:
        super().__init__("grafana", folder, ports.grafana, "/api/health")
        self._executable = need("grafana")
        self._port = ports.grafana
        self._provisioning = self.folder / "provisioning"
        for source in sorted(_SOURCE.glob("provisioning/*/*.yml")):
            document = read(source)
            for data_source in document.get("datasources", []):
                data_source["url"] = urls[data_source["type"]]
            for provider in document.get("providers", []):
                provider["options"]["path"] = str(_SOURCE / "dashboards")
            write(self.folder / source.relative_to(_SOURCE), document)

    def command(self) -> Sequence[str]:
        """Grafana's server; its own files lie beside the program or where packages put them."""
        beside = Path(self._executable).resolve().parents[1]
        home = beside if (beside / "conf" / "defaults.ini").exists() else _PACKAGED_HOME
        return [self._executable, "server", "--homepath", str(home)]

    def environment(self) -> Mapping[str, str]:
        """Its settings; whoever is at this machine may look without a password."""
        return {
            "GF_SERVER_HTTP_ADDR": LOOPBACK,
            "GF_SERVER_HTTP_PORT": str(self._port),
            "GF_PATHS_DATA": str(self.folder / "data"),
            "GF_PATHS_LOGS": str(self.folder / "logs"),
            "GF_PATHS_PROVISIONING": str(self._provisioning),
            "GF_AUTH_ANONYMOUS_ENABLED": "true",
            "GF_AUTH_ANONYMOUS_ORG_ROLE": "Admin",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        }
