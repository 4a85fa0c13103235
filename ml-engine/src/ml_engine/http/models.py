"""Models over HTTP: what there is, how they compare, and which one serves."""

from typing import Annotated

from fastapi import APIRouter, Query

from contracts.pages import DEFAULT_PAGE, Page
from contracts.training import ModelComparison, ModelVersion, ModelVersionId
from ml_engine.evaluation.comparison import compare
from ml_engine.http.pages import CursorText, Limit, decode_cursor, page_of
from ml_engine.http.state import PROBLEMS, EngineDep, TenantDep
from web.problems import problem_answers

router = APIRouter(prefix="/v1/tenants/{tenant}", responses=PROBLEMS)

Version = Annotated[ModelVersionId, Query()]

DAMAGED = "The model's files are damaged."
NO_WAY_BACK = "No other model served before, or its files are damaged."


@router.get("/models")
async def list_models(
    tenant_id: TenantDep, engine: EngineDep, limit: Limit = DEFAULT_PAGE, cursor: CursorText = None
) -> Page[ModelVersion]:
    """The tenant's models, newest first, each with its evaluation report."""
    before = None if cursor is None else decode_cursor(cursor, 1)[0]
    models = await engine.registry.versions(tenant_id, limit + 1, before)
    return page_of(models, limit, lambda model: (model.model_version,))


@router.post("/models/roll-back", responses=problem_answers({409: NO_WAY_BACK}))
async def roll_back(tenant_id: TenantDep, engine: EngineDep) -> ModelVersion:
    """Let the model serve again that served before the present one."""
    return await engine.deployment.roll_back(tenant_id)


@router.get("/models/{model_version}")
async def show_model(
    tenant_id: TenantDep, model_version: ModelVersionId, engine: EngineDep
) -> ModelVersion:
    """One model with its lineage and its evaluation report."""
    return await engine.registry.record(tenant_id, model_version)


@router.post("/models/{model_version}/activate", responses=problem_answers({409: DAMAGED}))
async def activate(
    tenant_id: TenantDep, model_version: ModelVersionId, engine: EngineDep
) -> ModelVersion:
    """Let a model serve from now on."""
    return await engine.deployment.activate(tenant_id, model_version)


@router.put("/models/{model_version}/pin")
async def pin(
    tenant_id: TenantDep, model_version: ModelVersionId, engine: EngineDep
) -> ModelVersion:
    """Keep a model, however many newer ones there are."""
    return await engine.registry.pin(tenant_id, model_version)


@router.delete("/models/{model_version}/pin")
async def unpin(
    tenant_id: TenantDep, model_version: ModelVersionId, engine: EngineDep
) -> ModelVersion:
    """Keep a model no longer than others."""
    return await engine.registry.unpin(tenant_id, model_version)


@router.get("/model-comparison")
async def compare_models(
    tenant_id: TenantDep, baseline: Version, candidate: Version, engine: EngineDep
) -> ModelComparison:
    """Two models' reports side by side."""
    return compare(
        await engine.registry.record(tenant_id, baseline),
        await engine.registry.record(tenant_id, candidate),
    )
