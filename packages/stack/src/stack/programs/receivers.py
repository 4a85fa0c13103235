"""A web server that stands for Slack, PagerDuty and webhooks, and records what they would get."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from stack.programs.ports import LOOPBACK, local


@dataclass(frozen=True, slots=True)
class Notification:
    """One message: of which kind (slack, pagerduty, webhook), to which receiver, and its JSON."""

    kind: str
    receiver: str
    body: dict[str, Any]


class Receivers:
    """Takes every notification on a loopback port, from its making until `close`."""

    def __init__(self) -> None:
        self._notifications: list[Notification] = []
        self._arrived = threading.Condition()
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                take(self.path, self.rfile.read(int(self.headers["content-length"])))
                # PagerDuty answers 202, and Slack a text.
                self.send_response(202 if self.path.startswith("/pagerduty/") else 200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: Any, **__: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://{local(self._server.server_address[1])}"

    def _take(self, path: str, body: bytes) -> None:
        _, kind, receiver, *_ = path.split("/")
        with self._arrived:
            self._notifications.append(Notification(kind, receiver, json.loads(body)))
            self._arrived.notify_all()

    def notifications(self) -> list[Notification]:
        """What has come so far, oldest first."""
        with self._arrived:
            return list(self._notifications)

    def wait_for(
        self, wanted: Callable[[Notification], bool], seconds: float = 60.0
    ) -> Notification:
        """The first notification as wished, once it has come.

        Raises:
            TimeoutError: it has not come in time; with what has.
        """

        def found() -> list[Notification]:
            return [one for one in self._notifications if wanted(one)]

        with self._arrived:
            if not self._arrived.wait_for(found, timeout=seconds):
                raise TimeoutError(f"not among {self._notifications}")
            return found()[0]

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
