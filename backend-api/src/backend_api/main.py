"""Starts the service: `python -m backend_api.main`."""

from backend_api.bootstrap import build_app
from backend_api.settings import Settings
from backends.migrations import SchemaMismatch
from backends.ports import PortUnavailable
from instrumentation.settings import load_settings_or_exit
from web.server import serve


def main() -> None:
    """Serve until SIGINT or SIGTERM; a bad setting ends the start with one line and status 2."""
    settings = load_settings_or_exit(Settings, "backend-api")
    app = build_app(settings)
    serve(
        app,
        settings.host,
        settings.port,
        name="backend-api",
        expected=(PortUnavailable,),
        misconfigured=(SchemaMismatch,),
    )


if __name__ == "__main__":
    main()
