"""Alertmanager on loopback; what it would send to the world goes to a local receiver."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from stack.programs.configuration import CONFIGURATION, read, write
from stack.programs.executables import need
from stack.programs.paces import Pace
from stack.programs.ports import Ports
from stack.programs.processes import Program

_SOURCE: Final = CONFIGURATION / "alertmanager"
# Of each kind of receiver the settings that say where to, and the one that is given instead.
_PLACES: Final = {
    "slack": ("api_url", "api_url_file"),
    "pagerduty": ("url",),
    "webhook": ("url", "url_file"),
}


class Alertmanager(Program):
    """Alertmanager over one data folder, whose receivers are all one address."""

    def __init__(self, folder: Path, ports: Ports, receiver_url: str, pace: Pace) -> None:
        super().__init__("alertmanager", folder, ports.alertmanager, "/-/ready")
        self._executable = need("alertmanager")
        document = read(_SOURCE / "alertmanager.yml")
        document["templates"] = [str(_SOURCE / pattern) for pattern in document["templates"]]
        for name in [name for name in document["global"] if name.endswith("_file")]:
            del document["global"][name]
        for receiver in document["receivers"]:
            _redirect(receiver, receiver_url)
        pace.routes(document["route"])
        self.config = write(self.folder / "alertmanager.yml", document)

    def command(self) -> Sequence[str]:
        """Alertmanager with the rendered file, alone."""
        return [
            self._executable,
            f"--config.file={self.config}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ]

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts it knows, silenced and inhibited ones too, with `status`."""
        return self.client.get("/api/v2/alerts").raise_for_status().json()


def _redirect(receiver: dict[str, Any], url: str) -> None:
    for kind, (given, *others) in _PLACES.items():
        for config in receiver.get(f"{kind}_configs", []):
            config[given] = f"{url}/{kind}/{receiver['name']}"
            for other in others:
                config.pop(other, None)
            if "routing_key_file" in config:
                del config["routing_key_file"]
                config["routing_key"] = "loopback"
