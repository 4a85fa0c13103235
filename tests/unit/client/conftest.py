"""A client of either kind on a stub of the recommender."""

from collections.abc import AsyncGenerator, Generator
from typing import Any

import httpx2
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from tests.unit.client.recommender_stub import Stub

from recommender_client import AsyncRecommender, Recommender, RetryPolicy
from recommender_client.in_process import InProcessTransport

KEY = "rk_0123456789.very-secret-key"
QUICK = RetryPolicy(max_attempts=3, max_seconds=5, base_seconds=0.001, cap_seconds=0.002)


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture(scope="session")
def portal() -> Generator[BlockingPortal]:
    with start_blocking_portal() as opened:
        yield opened


@pytest.fixture
def client(stub: Stub, portal: BlockingPortal) -> Generator[Recommender]:
    with sync_client(stub, portal) as opened:
        yield opened


@pytest.fixture
async def async_client(stub: Stub) -> AsyncGenerator[AsyncRecommender]:
    async with AsyncRecommender(
        "http://recs.test", KEY, retries=QUICK, transport=stub.transport()
    ) as opened:
        yield opened


def sync_client(stub: Stub, portal: BlockingPortal, **options: Any) -> Recommender:
    over: httpx2.AsyncBaseTransport = stub.transport()
    transport = InProcessTransport(over, portal)
    return Recommender(
        "http://recs.test", KEY, **{"retries": QUICK, "transport": transport, **options}
    )
