"""Routes: trained models."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from backend_api.http import examples
from backend_api.http.authentication import ReadingCaller, WritingCaller
from backend_api.http.openapi import answer, read_problems, write_problems
from backend_api.http.parameters import Limit, PageCursor
from backend_api.http.product_state import Provided
from contracts.pages import DEFAULT_PAGE, Page
from contracts.training import ModelComparison, ModelVersion, ModelVersionId

router = APIRouter(prefix="/api/v1", tags=["models"])
_AWAY = "ml_engine_unavailable"
Version = Annotated[
    ModelVersionId, Path(description="A model's version, such as `20260131t120000-56dc5513`.")
]
_SERVES = answer("The model, which serves from now on.", examples.MODEL)
_PINNED = answer("The model, which stays from now on.", {**examples.MODEL, "pinned": True})
_UNPINNED = answer("The model, which goes as others do from now on.", examples.MODEL)


@router.get(
    "/models",
    responses={
        200: answer("One page of models.", examples.page(examples.MODEL)),
        **read_problems("invalid_cursor", _AWAY),
    },
    summary="List models",
)
async def list_models(
    caller: ReadingCaller,
    product: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
) -> Page[ModelVersion]:
    """Trained models, newest first; one of them serves."""
    return await product.ml_engine.models(caller.tenant_id, limit=limit, cursor=cursor)


@router.get(
    "/models/{model_version}",
    responses={
        200: answer("The model.", examples.MODEL),
        **read_problems("model_not_found", _AWAY),
    },
    summary="Get a model",
)
async def get_model(
    model_version: Version, caller: ReadingCaller, product: Provided
) -> ModelVersion:
    """One model: what it was made of, its parameters and its evaluation report."""
    return await product.ml_engine.model(caller.tenant_id, model_version)


@router.get(
    "/models/{model_version}/report",
    responses={
        200: answer("The report.", examples.REPORT),
        **read_problems("model_not_found", _AWAY),
    },
    summary="Get a model's report",
)
async def get_report(
    model_version: Version, caller: ReadingCaller, product: Provided
) -> dict[str, Any]:
    """How good the model is on held-out data, beside simpler models, with 95 % intervals."""
    return (await product.ml_engine.model(caller.tenant_id, model_version)).report


@router.get(
    "/model-comparison",
    responses={
        200: answer("The two models side by side.", examples.COMPARISON),
        **read_problems("model_not_found", _AWAY),
    },
    summary="Compare two models",
)
async def compare(
    caller: ReadingCaller,
    product: Provided,
    baseline: Annotated[ModelVersionId, Query(description="The version to compare with.")],
    candidate: Annotated[ModelVersionId, Query(description="The version that may be better.")],
) -> ModelComparison:
    """Two models' reports, measure by measure, and whether both saw the same data."""
    return await product.ml_engine.compare(caller.tenant_id, baseline, candidate)


@router.post(
    "/models/roll-back",
    responses={200: _SERVES, **write_problems("nothing_to_roll_back_to", "model_damaged", _AWAY)},
    summary="Roll back",
)
async def roll_back(caller: WritingCaller, product: Provided) -> ModelVersion:
    """Let the model serve again that served before the present one."""
    return await product.ml_engine.roll_back(caller.tenant_id)


@router.post(
    "/models/{model_version}/activate",
    responses={200: _SERVES, **write_problems("model_not_found", "model_damaged", _AWAY)},
    summary="Activate a model",
)
async def activate(
    model_version: Version, caller: WritingCaller, product: Provided
) -> ModelVersion:
    """Let a model serve from now on, newer or older than the one that serves."""
    return await product.ml_engine.activate(caller.tenant_id, model_version)


@router.put(
    "/models/{model_version}/pin",
    responses={200: _PINNED, **write_problems("model_not_found", _AWAY)},
    summary="Pin a model",
)
async def pin(model_version: Version, caller: WritingCaller, product: Provided) -> ModelVersion:
    """Keep a model, however many newer ones there are. Only the newest are kept else, and those
    that serve or served just before."""
    return await product.ml_engine.pin(caller.tenant_id, model_version)


@router.delete(
    "/models/{model_version}/pin",
    responses={200: _UNPINNED, **write_problems("model_not_found", _AWAY)},
    summary="Unpin a model",
)
async def unpin(model_version: Version, caller: WritingCaller, product: Provided) -> ModelVersion:
    """Keep a model no longer than others."""
    return await product.ml_engine.unpin(caller.tenant_id, model_version)
