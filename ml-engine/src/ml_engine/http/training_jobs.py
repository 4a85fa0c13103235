"""Training jobs over HTTP."""

from fastapi import APIRouter

from contracts.pages import DEFAULT_PAGE, Page
from contracts.training import TrainingJob, TrainingJobRequest
from instrumentation.tracing import inject
from ml_engine.http.pages import CursorText, Limit, decode_cursor, decode_time, page_of
from ml_engine.http.state import PROBLEMS, EngineDep, TenantDep
from web.problems import problem_answers

router = APIRouter(prefix="/v1/tenants/{tenant}", responses=PROBLEMS)


@router.post(
    "/training-jobs",
    status_code=202,
    responses=problem_answers(
        {
            409: "The snapshot is damaged: make it again.",
            429: "As many jobs of the tenant wait or run as may be.",
        }
    ),
)
async def submit(tenant_id: TenantDep, body: TrainingJobRequest, engine: EngineDep) -> TrainingJob:
    """Queue a training job on a snapshot."""
    headers: dict[str, str] = {}
    inject(headers)
    return await engine.training.submit(tenant_id, body, headers)


@router.get("/training-jobs")
async def list_jobs(
    tenant_id: TenantDep, engine: EngineDep, limit: Limit = DEFAULT_PAGE, cursor: CursorText = None
) -> Page[TrainingJob]:
    """The tenant's training jobs, newest first."""
    before = None
    if cursor is not None:
        time, job_id = decode_cursor(cursor, 2)
        before = decode_time(time), job_id
    jobs = await engine.training.jobs(tenant_id, limit + 1, before)
    return page_of(jobs, limit, lambda job: (job.created_at.isoformat(), job.job_id))


@router.get("/training-jobs/{job_id}")
async def show_job(tenant_id: TenantDep, job_id: str, engine: EngineDep) -> TrainingJob:
    """How a training job stands."""
    return await engine.training.job(tenant_id, job_id)


@router.post(
    "/training-jobs/{job_id}/cancel", responses=problem_answers({409: "The job has ended."})
)
async def cancel(tenant_id: TenantDep, job_id: str, engine: EngineDep) -> TrainingJob:
    """End a training job that has not ended; it leaves no model."""
    return await engine.training.cancel(tenant_id, job_id)
