"""Starts ml-engine: `python -m ml_engine.main`."""

import sys

from backends.ports import PortUnavailable
from instrumentation.settings import SettingsError, load_settings
from ml_engine.bootstrap import build_app
from ml_engine.settings import Settings
from web.server import serve


def main() -> None:
    """Serve until told to stop; a bad setting ends the start with one line."""
    try:
        settings = load_settings(Settings)
    except SettingsError as error:
        sys.exit(f"ml-engine cannot start: {error}")
    app = build_app(settings)
    serve(app, settings.host, settings.port, name="ml-engine", expected=(PortUnavailable,))


if __name__ == "__main__":
    main()
