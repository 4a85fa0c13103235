"""The Python client's own cost per call, beside that of raw httpx2.

`.venv/bin/python -m benchmarks.serving.client_overhead` prints a JSON line; it takes seconds. A
server in the same process gives the same answer to all, and only the CPU time of the calling
thread counts, so neither the server nor the machine's other work is in the figures.
"""

import json
import statistics
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2

from recommender_client import Recommender

ROUNDS = 20
CALLS_PER_ROUND = 50
ITEMS = 10
KEY = "rk_benchmark"
ANSWER = json.dumps(
    {
        "recommendation_id": "01900000-0000-7000-8000-000000000000",
        "model_version": "20260101t000000-0",
        "algorithm": "two-tower",
        "degraded": None,
        "items": [
            {"item_id": f"item-{n}", "score": 1 / (n + 1), "reason": "like what you saw"}
            for n in range(ITEMS)
        ],
    }
).encode()


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One segment per answer: with two, the second would wait for an acknowledgement.
    wbufsize = -1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def server() -> Generator[str]:
    """The address of a server that always gives the same answer."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as listening:
        listening.daemon_threads = True
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()


def cpu_us(call: Callable[[], object]) -> float:
    """CPU time of this thread per call, in microseconds."""
    started = time.thread_time()
    for _ in range(CALLS_PER_ROUND):
        call()
    return (time.thread_time() - started) / CALLS_PER_ROUND * 1e6


def measure_client_overhead() -> None:
    """Print one line: the same question by the client, typed, and by httpx2, as bare JSON."""
    headers = {"authorization": f"Bearer {KEY}"}
    with (
        server() as url,
        Recommender(url, KEY) as client,
        httpx2.Client(base_url=url, headers=headers) as raw,
    ):

        def ask_by_client() -> object:
            return client.recommendations.for_user("user-1", num_items=ITEMS).items

        def ask_raw() -> object:
            body = {"user_id": "user-1", "num_items": ITEMS}
            return raw.post("/api/v1/recommendations", json=body).raise_for_status().json()["items"]

        rounds = [(cpu_us(ask_by_client), cpu_us(ask_raw)) for _ in range(ROUNDS + 1)][1:]
    by_client, by_httpx2 = (statistics.median(column) for column in zip(*rounds, strict=True))
    line = {
        "benchmark": "client_overhead",
        "calls": ROUNDS * CALLS_PER_ROUND,
        "client_cpu_us": round(by_client),
        "raw_httpx2_cpu_us": round(by_httpx2),
        "client_to_raw": round(by_client / by_httpx2, 2),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    measure_client_overhead()
