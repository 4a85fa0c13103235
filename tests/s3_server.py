"""A real S3 server, Moto's, in this process: it can be away, and what it holds outlasts that."""

import logging
from collections.abc import Mapping

from moto.backends import get_backend
from moto.server import ThreadedMotoServer
from tests.real_processes import free_port

BUCKET = "bucket"


class S3Server:
    """One bucket, on a port of its own; `settings` are the environment of who uses it."""

    def __init__(self) -> None:
        self._port = free_port()
        self.settings: Mapping[str, str] = {
            "AWS_ENDPOINT": f"http://127.0.0.1:{self._port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AKIA-of-the-tests",
            "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
        }
        self.url = f"s3://{BUCKET}"
        self._server: ThreadedMotoServer | None = None
        logging.getLogger("werkzeug").setLevel(logging.ERROR)

    def start(self) -> None:
        """Listen."""
        self._server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()
        backend = get_backend("s3")["123456789012"]["aws"]
        if BUCKET not in backend.buckets:
            backend.create_bucket(BUCKET, "us-east-1")

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.stop()
            self._server = None
