"""What a failed call of another service means to the caller of the public API."""

import asyncio

import pytest

from backend_api.adapters.service_calls import calling
from backend_api.domain.errors import DependencyUnavailable, RefusedByService
from contracts.client import ServiceError
from contracts.events import BatchResult
from contracts.problems import Problem
from contracts.transport import ServiceUnavailable

pytestmark = pytest.mark.anyio


def problem(status: int, code: str) -> ServiceError:
    return ServiceError(Problem(title="t", status=status, code=code, detail="what happened"))


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "item_not_found"), (409, "no_model"), (422, "invalid_request"), (400, "invalid_json")],
)
async def test_what_the_caller_can_change_passes_through(status: int, code: str) -> None:
    with pytest.raises(RefusedByService) as raised:
        async with calling("ml_engine", 1):
            raise problem(status, code)
    assert raised.value.code == code
    assert raised.value.problem.status == status


@pytest.mark.parametrize(
    "error",
    [
        problem(500, "internal_error"),
        problem(503, "feature_store_unavailable"),
        problem(302, "unexpected_answer"),
        problem(401, "service_token_required"),
        problem(403, "forbidden"),
        problem(404, "no_such_path"),
        problem(404, "unexpected_answer"),
        problem(405, "method_not_allowed"),
        problem(429, "too_many_requests"),
        ServiceUnavailable("refused"),
    ],
    ids=str,
)
async def test_the_rest_is_a_service_that_is_away(error: Exception) -> None:
    with pytest.raises(DependencyUnavailable) as raised:
        async with calling("ml_engine", 1):
            raise error
    assert raised.value.code == "ml_engine_unavailable"
    assert "ml-engine" in raised.value.detail


async def test_an_answer_of_another_shape_is_a_service_that_is_away() -> None:
    with pytest.raises(DependencyUnavailable, match="another shape"):
        async with calling("data_pipeline", 1):
            BatchResult.model_validate_json(b'{"accepted": "many"}')


async def test_a_call_is_bounded_in_all() -> None:
    with pytest.raises(DependencyUnavailable, match=r"within 0\.01 s"):
        async with calling("ml_engine", 0.01):
            await asyncio.Event().wait()


async def test_the_reason_stays_inside() -> None:
    with pytest.raises(DependencyUnavailable) as raised:
        async with calling("ml_engine", 1):
            raise ServiceUnavailable("no answer from http://10.0.0.7:8001: refused")
    assert "10.0.0.7" not in raised.value.detail
    assert "10.0.0.7" in raised.value.reason
