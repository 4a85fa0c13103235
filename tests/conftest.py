"""What all suites share."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The services run on asyncio; so do their tests."""
    return "asyncio"
