"""What a request costs where nothing is done for it: the floors of any service built this way.

`-m benchmarks.serving.floors NAME PORT` serves one of them.
"""

import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

import httpx2
import psutil
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.real_processes import free_ports, wait_until_ready

from contracts.recommendations import RecommendationQuery, Recommendations, RecommendedItem
from web.server import serve

ITEMS: Final = [
    RecommendedItem(item_id=f"item-{n}", score=1 / (n + 1), reason="like what you saw")
    for n in range(10)
]
ANSWER: Final = Recommendations(model_version="v1", algorithm="none", items=ITEMS)


def bare() -> ASGIApp:
    """An ASGI function that reads the body and sends bytes."""
    content = ANSWER.model_dump_json().encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if scope["method"] == "POST":
                await receive()
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": content})

    return answer


def framework() -> ASGIApp:
    """A FastAPI route with a model in and a model out, and no more."""
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})

    @app.get("/health/ready")
    async def ready() -> str:
        return "yes"

    @app.post("/api/v1/recommendations")
    async def recommend(query: RecommendationQuery) -> Recommendations:
        del query
        return ANSWER

    return app


FLOORS: Final = {"bare ASGI": bare, "FastAPI with pydantic": framework}


@contextmanager
def floor(name: str) -> Generator[tuple[int, Mapping[str, psutil.Process]]]:
    """One of them as a process: its port and the process."""
    [port] = free_ports(1)
    command = [sys.executable, "-m", "benchmarks.serving.floors", name, str(port)]
    with subprocess.Popen(command) as process:
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                wait_until_ready(client, lambda: process.poll() is None, lambda: name)
            yield port, {name: psutil.Process(process.pid)}
        finally:
            process.terminate()


if __name__ == "__main__":
    serve(FLOORS[sys.argv[1]](), "127.0.0.1", int(sys.argv[2]))
