"""Services know each other by a token, which is replaced without a refused request."""

from itertools import pairwise
from pathlib import Path

import httpx2
import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from web.service_token import ServiceTokenGuard
from web.settings import EdgeSettings

OLD, NEW = "o" * 16, "n" * 16


def settings(token: str) -> EdgeSettings:
    return EdgeSettings(port=1, service_token=token)


async def answered(token: str, accepted: EdgeSettings) -> int:
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("in"))])
    guard = ServiceTokenGuard(app, accepted.tokens())
    transport = httpx2.ASGITransport(guard)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return (await client.get("/", headers={"authorization": f"Bearer {token}"})).status_code


@pytest.mark.anyio
async def test_no_step_of_a_rotation_refuses_a_service_that_is_a_step_behind() -> None:
    steps = [settings(step) for step in (OLD, f"{OLD},{NEW}", f"{NEW}, {OLD}", NEW)]
    for before, after in pairwise(steps):
        assert await answered(before.token(), after) == 200
        assert await answered(after.token(), before) == 200
    assert await answered(OLD, steps[-1]) == 401
    assert await answered(f"{OLD},{NEW}", steps[1]) == 401


@pytest.mark.parametrize("token", ["", "short", f"{OLD},short", f"{OLD},"])
def test_each_token_is_long_enough(token: str) -> None:
    with pytest.raises(ValidationError, match="16 characters or more"):
        settings(token)


def test_the_tokens_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{NEW},{OLD}\n")
    assert EdgeSettings(port=1, service_token_file=file).tokens() == [NEW, OLD]
