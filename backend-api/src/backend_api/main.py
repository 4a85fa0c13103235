"""Starts the service: `python -m backend_api.main`."""

import sys

from backend_api.bootstrap import build_app
from backend_api.settings import Settings
from backends.ports import PortUnavailable
from instrumentation.settings import SettingsError, load_settings
from web.server import serve


def main() -> None:
    """Serve until SIGINT or SIGTERM. A bad setting ends the start with one line and status 2."""
    try:
        settings = load_settings(Settings)
    except SettingsError as error:
        sys.stderr.write(f"backend-api cannot start: {error}\n")
        raise SystemExit(2) from None
    app = build_app(settings)
    serve(app, settings.host, settings.port, name="backend-api", expected=(PortUnavailable,))


if __name__ == "__main__":
    main()
