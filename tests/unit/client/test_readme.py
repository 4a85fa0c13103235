"""The README's examples run as they stand."""

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal
from tests.unit.client.conftest import KEY
from tests.unit.client.recommender_stub import Stub

import recommender_client
from recommender_client import AsyncRecommender, Recommender
from recommender_client.in_process import InProcessTransport

README = Path(__file__).parents[3] / "packages" / "client" / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def test_the_examples_run_one_after_the_other(
    stub: Stub,
    portal: BlockingPortal,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    over = stub.transport()
    sync: Callable[..., Any] = functools.partial(
        Recommender, transport=InProcessTransport(over, portal)
    )
    monkeypatch.setattr(recommender_client, "Recommender", sync)
    monkeypatch.setattr(
        recommender_client, "AsyncRecommender", functools.partial(AsyncRecommender, transport=over)
    )
    monkeypatch.chdir(tmp_path)
    code = "\n".join(BLOCKS)
    exec(compile(code, str(README), "exec"), {"api_key": KEY})
    told = capsys.readouterr().out.splitlines()
    assert told == [
        "item-1 1.0 like what you saw",
        "item-2 0.5 like what you saw",
        "item-3 0.3333333333333333 like what you saw",
        "film/7 Se7en",
        "Delivered(accepted=2, duplicates=0, rejected=0)",
        "m1",
        "10 3",
        "film/7",
        "item_not_found - it was asked to - abc123",
    ]
    assert len(stub.events) == 3
    assert len(BLOCKS) >= 8
