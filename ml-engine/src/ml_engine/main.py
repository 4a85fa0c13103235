"""Starts ml-engine: `python -m ml_engine.main`."""

from backends.migrations import SchemaMismatch
from backends.ports import PortUnavailable
from instrumentation.settings import load_settings_or_exit
from ml_engine.bootstrap import build_app
from ml_engine.settings import Settings
from web.server import serve


def main() -> None:
    """Serve until SIGINT or SIGTERM; a bad setting ends the start with one line and status 2."""
    settings = load_settings_or_exit(Settings, "ml-engine")
    app = build_app(settings)
    serve(
        app,
        settings.host,
        settings.port,
        name="ml-engine",
        expected=(PortUnavailable,),
        misconfigured=(SchemaMismatch,),
    )


if __name__ == "__main__":
    main()
