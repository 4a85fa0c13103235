"""`make observe`: the three services as `make run` starts them, with the stack beside them."""

import asyncio
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from instrumentation.settings import SettingsError, load_settings
from launcher.addresses import local_addresses
from launcher.errors import LaunchError
from launcher.launch import launch
from launcher.reporting import Reporter, reporter_for
from launcher.settings import LaunchSettings
from stack.programs.executables import ProgramMissing, find
from stack.programs.grafana import Grafana
from stack.programs.ports import Ports, PortTaken
from stack.programs.processes import ProgramFailed
from stack.programs.running import Stack, running, running_stack

_INTERRUPTED: Final = 130


def main() -> int:
    """Status 0 after SIGTERM or Ctrl-C, 1 where something went wrong, 2 for a bad setting."""
    try:
        observe(load_settings(LaunchSettings), reporter_for())
    except SettingsError as error:
        sys.stderr.write(f"cannot start: {error}\n")
        return 2
    except (LaunchError, PortTaken, ProgramMissing, ProgramFailed) as error:
        sys.stderr.write(f"cannot go on: {error}\n")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def observe(settings: LaunchSettings, reporter: Reporter) -> None:
    """Run the stack, and the services with it, until they are told to end."""
    folder = (settings.data_dir / "stack").resolve()
    services = local_addresses(settings).by_service()
    ports = Ports()
    ports.check_free()
    reporter.line("Starting the observability stack")
    with ExitStack() as started:
        stack = started.enter_context(
            running_stack(
                folder,
                {job: [url.removeprefix("http://")] for job, url in services.items()},
                ports=ports,
                redis_url=os.environ.get("REDIS_URL") or None,
                environment=os.environ.get("ENVIRONMENT") or "development",
            )
        )
        grafana = _grafana(folder, ports, stack)
        if grafana is not None:
            started.enter_context(running(grafana))
        reporter.line(_summary(stack, grafana, folder))
        os.environ["OTLP_ENDPOINT"] = stack.collector.otlp_url
        asyncio.run(launch(settings, reporter))


def _grafana(folder: Path, ports: Ports, stack: Stack) -> Grafana | None:
    if find("grafana") is None:
        return None
    urls = {"prometheus": stack.prometheus.url, "loki": stack.loki.url, "jaeger": stack.jaeger.url}
    return Grafana(folder, ports, urls)


def _summary(stack: Stack, grafana: Grafana | None, folder: Path) -> str:
    lines = [f"  {program.name:<14} {program.url}" for program in stack.programs()]
    lines.append(f"  {'OTLP':<14} {stack.collector.otlp_url}")
    missing = "not on the PATH: install it to see the dashboards"
    lines.append(f"  {'grafana':<14} {grafana.url if grafana else missing}")
    lines.append(f"  {'data, logs':<14} {folder}")
    return "\n".join(["", "The stack is up:", "", *lines, ""])


if __name__ == "__main__":
    sys.exit(main())
