"""The real backends of the stack, for tests of the way from a service to them."""

from collections.abc import Iterator

import pytest
from tests.stack.backends import Backends, running_backends


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    """Collector, Jaeger and Loki; every trace is kept."""
    with running_backends(tmp_path_factory.mktemp("stack")) as started:
        yield started
