"""Starts data-pipeline: `python -m data_pipeline.main`."""

import gc
import sys

from backends.ports import PortUnavailable
from data_pipeline.bootstrap import build_app
from data_pipeline.settings import Settings
from instrumentation.settings import SettingsError, load_settings
from web.server import serve


def main() -> None:
    """Serve until told to stop; a bad setting ends the start with one line and status 2."""
    try:
        settings = load_settings(Settings)
    except SettingsError as error:
        sys.stderr.write(f"data-pipeline cannot start: {error}\n")
        sys.exit(2)
    app = build_app(settings)
    # What stands now stands for good: without this, each batch has the collector go through it.
    gc.freeze()
    serve(app, settings.host, settings.port, name="data-pipeline", expected=(PortUnavailable,))


if __name__ == "__main__":
    main()
