"""Bodies have a limit, uploads one of their own."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI, Request

from web.body_limit import BodyLimit
from web.problems import add_problem_handlers

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    add_problem_handlers(app)

    @app.api_route("/{path:path}", methods=["POST", "PUT"])
    async def size(request: Request) -> int:
        return len(await request.body())

    app.add_middleware(BodyLimit, max_bytes=10, uploads={"/v1/[^/]+/files": 100})
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def chunked(size: int) -> AsyncIterator[bytes]:
    for _ in range(size):
        yield b"x"


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [
        ("POST", "/v1/acme/files", 100),
        ("PUT", "/v1/acme/files", 10),
        ("POST", "/v1/acme/files/more", 10),
        ("POST", "/v1/a/b/files", 10),
        ("POST", "/before/v1/acme/files", 10),
    ],
)
async def test_a_body_has_the_limit_of_its_path(client, method, path, limit, announced) -> None:
    for size, status in ((limit, 200), (limit + 1, 413)):
        content = b"x" * size if announced else chunked(size)
        answer = await client.request(method, path, content=content)
        assert answer.status_code == status
    assert answer.json()["code"] == "body_too_large"
