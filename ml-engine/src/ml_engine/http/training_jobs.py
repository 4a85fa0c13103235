"""Training jobs and models over HTTP."""

from collections.abc import Sequence

from fastapi import APIRouter

from contracts.training import ModelVersion, TrainingJob, TrainingJobRequest
from instrumentation.tracing import inject
from ml_engine.http.state import PROBLEMS, EngineDep, TenantDep

router = APIRouter(prefix="/v1/tenants/{tenant}", responses=PROBLEMS)


@router.post("/training-jobs", status_code=202)
async def submit(tenant_id: TenantDep, body: TrainingJobRequest, engine: EngineDep) -> TrainingJob:
    """Queue a training job on a snapshot."""
    headers: dict[str, str] = {}
    inject(headers)
    return await engine.training.submit(tenant_id, body, headers)


@router.get("/training-jobs")
async def list_jobs(tenant_id: TenantDep, engine: EngineDep) -> Sequence[TrainingJob]:
    """The tenant's training jobs, newest first."""
    return await engine.training.jobs(tenant_id)


@router.get("/training-jobs/{job_id}")
async def show_job(tenant_id: TenantDep, job_id: str, engine: EngineDep) -> TrainingJob:
    """How a training job stands."""
    return await engine.training.job(tenant_id, job_id)


@router.get("/models")
async def list_models(tenant_id: TenantDep, engine: EngineDep) -> Sequence[ModelVersion]:
    """The tenant's models, newest first, each with its evaluation report."""
    return await engine.registry.versions(tenant_id)


@router.get("/models/{model_version}")
async def show_model(tenant_id: TenantDep, model_version: str, engine: EngineDep) -> ModelVersion:
    """One model with its lineage and its evaluation report."""
    return await engine.registry.record(tenant_id, model_version)
