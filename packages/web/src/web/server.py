"""How a service is served: one uvicorn worker per process, uvloop and httptools."""

import uvicorn
from starlette.types import ASGIApp

GRACE_SECONDS = 10


def serve(app: ASGIApp, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM, then finish the requests under way and close the app.

    More load means more replicas, not more workers: one process keeps one set of metrics.
    """
    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
