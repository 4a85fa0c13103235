"""Starts data-pipeline: `python -m data_pipeline.main`."""

import gc

from backends.migrations import SchemaMismatch
from backends.ports import PortUnavailable
from data_pipeline.bootstrap import build_app
from data_pipeline.settings import Settings
from instrumentation.settings import load_settings_or_exit
from web.server import serve


def main() -> None:
    """Serve until SIGINT or SIGTERM; a bad setting ends the start with one line and status 2."""
    settings = load_settings_or_exit(Settings, "data-pipeline")
    app = build_app(settings)
    # What stands now stands for good: without this, each batch has the collector go through it.
    gc.freeze()
    try:
        serve(
            app,
            settings.host,
            settings.port,
            name="data-pipeline",
            expected=(PortUnavailable,),
            misconfigured=(SchemaMismatch,),
        )
    finally:
        # DuckDB complains of all that is left at the end.
        gc.unfreeze()


if __name__ == "__main__":
    main()
